"""Benchmarks: `mentor3ad bench --list` shows them, docs/performance.md says how to read them."""
