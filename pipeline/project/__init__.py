"""A project of one's own, whose stages call the installed package: made once, kept in step."""
