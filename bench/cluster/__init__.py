"""What a Ray cluster costs and survives, on nodes of this machine: `python -m bench.cluster`."""
