"""Rates the test scans of a category: their results beside their truth, for stages and pages."""
