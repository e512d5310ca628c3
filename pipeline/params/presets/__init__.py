"""Presets: overlays of params.yaml, one NAME.yaml each, and how they are merged into it."""
