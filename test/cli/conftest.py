"""Fixtures of small data sets."""

from coco_folder import as_results, content, folder  # noqa: F401
from colored_dots import dots, model  # noqa: F401
