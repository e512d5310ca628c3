"""Where the backbones' weights come from: published files, random seeds or a path."""
