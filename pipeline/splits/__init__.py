"""The choice of the good scans that train and of those that are held out."""
