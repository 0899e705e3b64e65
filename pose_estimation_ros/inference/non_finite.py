"""Find the outputs of a network that are not finite numbers, as an overflow in half precision leaves them."""

from typing import Dict, Iterable, NamedTuple, Tuple

import numpy as np


class NonFinite(NamedTuple):
    """Count the values of a network that cannot be used.

    values: heatmap channels, keypoints and boxes with a number that is NaN or infinite. batches: calls of the network
    with such a value. batches_without_finite: those of them in which all values of an output were such.
    """

    values: int = 0
    batches: int = 0
    batches_without_finite: int = 0

    def text(self) -> str:
        """Return the counts as a sentence, "" where nothing was counted."""
        if not self.values:
            return ""
        return (
            "the networks gave values that are not finite: %d keypoints or boxes in %d batches, %d batches without any "
            "finite value; they count as not found" % self
        )


def total(counts: Iterable[NonFinite]) -> NonFinite:
    """Return the sum of several counts."""
    return NonFinite(*map(sum, zip(NonFinite(), *counts)))  # type: ignore[arg-type]


def mark_non_finite(outputs: Dict[str, np.ndarray]) -> Tuple[Dict[str, np.ndarray], NonFinite]:
    """Set a whole value to NaN if one of its numbers is not finite, so that no arithmetic hides it.

    A value is a heatmap (h, w), a keypoint (3,), a box (4,) or a score: what the first two axes of an output point to,
    and for the "keypoints" of several people the first three.

    Args:
        outputs: arrays (N, M, ...) by name, as the network gave them; not changed.

    Returns:
        The outputs, marked, and the count of this batch.
    """
    marked, values, lost = dict(outputs), 0, False
    for name, output in outputs.items():
        finite = np.isfinite(output) if output.dtype.kind == "f" else np.ones(1, bool)
        if not finite.all():
            axes = 3 if name == "keypoints" and output.ndim == 4 else 2
            broken = ~finite.all(axis=tuple(range(axes, output.ndim)))
            marked[name] = np.array(output)
            marked[name][broken] = np.nan
            values += int(broken.sum())
            lost = lost or bool(broken.all())
    return marked, NonFinite(values, int(values > 0), int(lost))
