"""Seals: what an out holds, to the byte, and which other outs it was made from."""
