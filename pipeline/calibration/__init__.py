"""What a number of held-out good scans can promise about false alarms."""
