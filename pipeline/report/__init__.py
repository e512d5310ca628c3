"""The report over all categories: its summary and its page."""
