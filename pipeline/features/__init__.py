"""What a feature store holds, and how the features of single pixels are read from it."""
