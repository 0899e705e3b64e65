"""compare_plot.py: a panel for each kind of accuracy, labels that can be read."""

import itertools

import cv2
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from pose_estimation_ros.evaluation.comparison_plot import panel, place_labels, plot  # noqa: E402

SAME = [(f"model_{i}", "AP", 20.0, 12.0) for i in range(6)]
RANDOM = np.random.default_rng(0)
SPREAD = [(f"model_{i}", "AP", float(10 ** RANDOM.uniform(0, 2)), float(RANDOM.uniform(0, 80))) for i in range(12)]


@pytest.mark.parametrize("points, panels", [(SAME[:1], 1), ([*SAME, ("d", "recall", 5.0, 0.0)], 2)])
def test_a_panel_for_each_kind(points, panels):
    image = cv2.imdecode(np.frombuffer(plot(points, "a machine"), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (576, 768 * panels, 3) and image.std() > 5


@pytest.mark.parametrize("points", [SAME, SPREAD], ids=["all at one place", "spread"])
def test_no_label_meets_another_or_the_rim(points):
    figure = Figure(figsize=(6.4, 4.8), dpi=120)
    canvas = FigureCanvasAgg(figure)
    axes, shown = panel(figure.add_subplot(), "AP", points)
    canvas.draw()
    place_labels(axes, shown, canvas.get_renderer())
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == [point[0] for point in points]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in boxes)
