"""How a store is written into a bucket: objects, then marks of them, and last what makes it one."""
