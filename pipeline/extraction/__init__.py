"""From prepared scans to the feature store of a category."""
