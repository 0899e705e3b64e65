"""Small data sets and models, on which the commands write what the pages describe."""

from colored_dots import dots, model  # noqa: F401
