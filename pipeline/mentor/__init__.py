"""What both mentor modules share: their losses and their files."""
