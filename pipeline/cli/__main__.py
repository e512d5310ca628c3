"""`python -m pipeline.cli`, for where the console script is not installed."""

from pipeline.cli.main import main

main()
