"""Draw the plot of `pose compare`: accuracy against milliseconds, with labels that do not overlap."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.transforms import BboxBase

Point = tuple[str, str, float, float]  # model, name of its accuracy, ms, accuracy in percent

WHOLE = "AP end to end"  # a kind of accuracy, whose ms are those of a whole frame
STEPS = (0, 16, 32, 48, 64, 80, 96)  # px that a label is moved up or down until it is free
GAP = 8  # px: half the size of a point


def plot(points: Sequence[Point], title: str) -> bytes:
    """Return a PNG with a panel for each kind of accuracy, measured on the machine that the title names.

    Args:
        points: the models.
        title: title of the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # needs no display
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(kind for _, kind, _, _ in points))
    figure = Figure(figsize=(6.4 * len(kinds), 4.8), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = [panel(figure.add_subplot(1, len(kinds), i + 1), kind, points) for i, kind in enumerate(kinds)]
    figure.suptitle(f"Median time on {title}", fontsize=9)
    canvas.draw()  # fixes the places of the points, which the labels avoid
    for axes, shown in panels:
        place_labels(axes, shown, canvas.get_renderer())  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def panel(axes: Axes, kind: str, points: Sequence[Point]) -> tuple[Axes, list[Point]]:
    """Draw the points of one kind of accuracy.

    Args:
        axes: where they are drawn.
        kind: name of the accuracy.
        points: the points of all kinds.

    Returns:
        The axes and the points drawn.
    """
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    shown = [point for point in points if point[1] == kind]
    ms, accuracy = [point[2] for point in shown], [point[3] for point in shown]
    axes.scatter(ms, accuracy, s=36, color="#0072b2", zorder=3)
    axes.set_xscale("log")
    axes.set_xlim(min(ms) / 2, max(ms) * 2)
    axes.set_ylim(0, max(max(accuracy) * 1.15, 1))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("ms of a frame" if kind == WHOLE else "ms of the network at batch size 1")
    axes.set_ylabel(kind)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    return axes, shown


def place_labels(axes: Axes, shown: Sequence[Point], renderer: RendererBase) -> None:
    """Put a label beside each point, clear of points, labels and the border; a line leads to a distant one.

    Args:
        axes: the panel, which has been drawn once.
        shown: its points.
        renderer: measures the text.
    """
    from matplotlib.transforms import Bbox, IdentityTransform

    dots = axes.transData.transform([point[2:] for point in shown])
    taken = [Bbox.from_extents(x - GAP, y - GAP, x + GAP, y + GAP) for x, y in dots]
    for (name, *_), (x, y) in zip(shown, dots):
        label = axes.text(x, y, name, fontsize=8, va="center", transform=IdentityTransform(), zorder=4)
        label.set_in_layout(False)
        for side, up in places():
            label.set_horizontalalignment("left" if side > 0 else "right")
            label.set_position((x + side * (GAP + 2), y + up))
            box = label.get_window_extent(renderer)
            if is_within(box, axes.bbox) and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)
        if up:
            line = [x, x + side * (GAP + 1)], [y, y + up]
            axes.plot(*line, transform=IdentityTransform(), color="#999999", linewidth=0.7, zorder=2)


def is_within(box: BboxBase, outer: BboxBase) -> bool:
    """Check that a box lies inside of another one.

    Args:
        box: the inner box.
        outer: the outer box.
    """
    return outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1


def places() -> list[tuple[int, int]]:
    """Return the places of a label beside its point, nearest first: right or left (1, -1), and px up."""
    return [(side, sign * step) for step in STEPS for sign in (1, -1) for side in (1, -1)]
