"""What git and DVC's cache keep of a commit or an experiment: its params, its outs."""
