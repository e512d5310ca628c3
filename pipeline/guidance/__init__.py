"""MGM, the Mentor of Guidance Module (section III-D)."""
