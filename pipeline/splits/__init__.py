"""Which good scans train, and which are held out to calibrate on."""
