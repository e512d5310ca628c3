"""What a number of good scans can promise: conformal ranks."""
