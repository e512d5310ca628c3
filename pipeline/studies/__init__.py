"""Studies: a file of experiments, run once each through DVC, and the tables they fill."""
