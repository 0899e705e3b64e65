"""Read data sets and make samples from them.

A sample is a dict of numpy arrays: "image" (3, h, w) float32 RGB 0..255 and named targets.
"""
