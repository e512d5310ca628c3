"""Rankings, metrics and curves of a category's test scans."""
