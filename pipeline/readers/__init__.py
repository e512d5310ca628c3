"""From files to raw scans: the layouts of data sets and the formats of their files."""
