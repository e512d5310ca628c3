"""Checks all that a project, a bundle or one out holds, to the last byte."""
