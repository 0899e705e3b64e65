"""Render the templates of the reports: one HTML page each, without scripts and without anything from the network."""

from __future__ import annotations

import functools
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pose_estimation_ros.evaluation.report import parts

TEMPLATES = Path(__file__).with_name("templates")
MISSING = "–"
PLOT = ("WIDTH", "HEIGHT", "LEFT", "BOTTOM", "RIGHT", "TOP")  # the measures of a chart that the templates know


def render(template: str, **content: object) -> str:
    """Return the page that a template makes of the content; every text in the content is escaped.

    Args:
        template: name of a file in templates/.
        content: the template's variables.
    """
    return environment().get_template(template).render(content)


@functools.cache
def environment() -> Environment:
    """Return Jinja's settings, with the filters, tests and constants that the templates use."""
    settings = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    settings.filters.update(number=number, colored=colored, dashed=dashed)
    settings.tests.update(
        bar=lambda cell: isinstance(cell, parts.Bar), stacked_bar=lambda cell: isinstance(cell, parts.StackedBar)
    )
    settings.globals["plot"] = {name: getattr(parts, name) for name in PLOT}
    return settings


def number(value: object) -> str:
    """Return a value as text: floats with one digit after the point, None and NaN as a dash."""
    if value is None or isinstance(value, float) and value != value:
        return MISSING
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def colored(place: int) -> str:
    """Return the colour of a place among several models."""
    return parts.COLORS[place % len(parts.COLORS)]


def dashed(place: int) -> str:
    """Return the dashes of the line at a place."""
    return parts.DASHES[place % len(parts.DASHES)]
