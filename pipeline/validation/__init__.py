"""Checks a data set before anything is computed on it, and finds all problems at once."""
