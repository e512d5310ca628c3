"""`python -m mentor3ad.cli`, for where the console script is not installed."""

from .main import main

main()
