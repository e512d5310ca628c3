"""Control charts: whether what scans show moves away from what the training showed."""
