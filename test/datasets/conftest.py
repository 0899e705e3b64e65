"""A folder in COCO's layout, small enough to work out by hand."""

from coco_folder import as_results, content, folder  # noqa: F401
