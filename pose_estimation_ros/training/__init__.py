"""Train models offline: networks, data sets, losses, the loop and the export.

It needs torch and may import core, imaging, inference, datasets and evaluation, never nodes.
"""
