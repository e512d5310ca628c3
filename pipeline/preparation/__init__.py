"""From raw scans to prepared ones: the table's plane, the part's foreground, 224 x 224 pixels."""
