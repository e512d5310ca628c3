"""The backbones for whole batches of scans on one device; docs/gpu.md says what runs where."""
