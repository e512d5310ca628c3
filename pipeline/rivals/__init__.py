"""Other methods on the same features, splits and metrics, to compare ours with."""
