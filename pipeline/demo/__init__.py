"""A generated RGB + point-map data set in MVTec 3D-AD's layout; the pipeline runs offline on it."""
