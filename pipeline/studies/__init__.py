"""Studies: files of experiments, which DVC runs once each, and the tables that they fill."""
