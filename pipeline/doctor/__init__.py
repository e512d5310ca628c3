"""Looks for what keeps a project from running: what kills left, a full disk, other libraries."""
