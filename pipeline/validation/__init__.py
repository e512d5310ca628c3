"""Checks of a data set before anything is computed on it: all problems, not the first alone."""
