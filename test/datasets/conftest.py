"""Provide a folder in COCO's layout, small enough to check by hand."""

from coco_folder import as_results, content, folder  # noqa: F401
