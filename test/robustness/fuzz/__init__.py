"""Fuzz targets: every decoder and reader, fed with mutations of small valid files and of hostile ones."""
