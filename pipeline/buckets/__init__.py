"""Buckets: how bytes come from one and go there. What comes is held to a hash by its reader."""
