"""What tests and benchmarks stand on: a cloned project, made-up stores, a headless browser."""
