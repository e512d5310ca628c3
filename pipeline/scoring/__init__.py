"""From features to the three score maps of a scan (eq. 5)."""
