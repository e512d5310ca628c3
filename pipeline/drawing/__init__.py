"""Pictures of scans and of their maps: colour scales, panels and the report's views."""
