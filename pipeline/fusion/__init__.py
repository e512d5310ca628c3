"""MFM, the Mentor of Fusion Module (section III-C)."""
