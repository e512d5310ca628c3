"""What the report shows of test scans: written by `prepare`, read by `evaluate`."""
