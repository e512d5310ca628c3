"""What every room stands on and no result depends on: errors, logs, progress, files, processes."""
