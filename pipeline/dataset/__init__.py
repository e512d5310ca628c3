"""What a scan of a data set is: files, arrays, rows of the manifest and the grid."""
