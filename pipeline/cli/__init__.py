"""The console script `mentor3ad`: one module a command."""
