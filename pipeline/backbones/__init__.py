"""The two frozen networks, DINO and Point-MAE, and their fast and batched forms."""
