"""How a store is written: whole shards into a staging folder, verified, then one rename."""
