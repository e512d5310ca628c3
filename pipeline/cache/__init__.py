"""The feature cache: Zarr stores that appear whole, carry a manifest and refuse damage."""
