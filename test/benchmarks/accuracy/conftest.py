"""Images of coloured dots, and models that find them."""

from colored_dots import dots, model  # noqa: F401
