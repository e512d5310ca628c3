"""How a store is written: shard by shard in a staging folder, then moved as a whole."""
