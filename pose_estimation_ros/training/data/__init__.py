"""Datasets: each yields dicts of numpy arrays, "image" (3, h, w) float32 RGB 0..255 and named targets."""
