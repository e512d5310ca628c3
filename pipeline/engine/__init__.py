"""Hands shards of work to workers: threads of this process, or actors of a Ray cluster."""
