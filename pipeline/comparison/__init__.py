"""Commits and experiments beside each other, from what git and DVC's cache keep of them."""
