"""Readers for the files of a plant's own sensors: images, depth, clouds. They know no layouts."""
