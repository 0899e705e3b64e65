"""A folder in COCO's layout, small enough to work out by hand."""

from coco_folder import as_results, content, folder  # noqa: F401
from colored_dots import dots, model  # noqa: F401
from file_counts import counts  # noqa: F401
