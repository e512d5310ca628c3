"""The report: one HTML page with everything in it, put together from its parts in this folder."""
