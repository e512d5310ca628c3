"""Serves bundles over HTTP: the queue, the history, the page, and what goes out to the line."""
