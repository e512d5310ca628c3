"""The training loop, and what its steps see."""
