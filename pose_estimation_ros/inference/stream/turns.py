"""Choose whom the pose network looks at in an image, so that no image takes much longer than the others.

It is used where the detector runs beside the poses. The people of the last image are looked at again. Boxes that may
show somebody else wait in a queue, and each image looks at one of them. Where not all people fit into a budget of time,
those whose turn is longest ago come first, and the others are expected where their velocity takes them.
"""

from typing import NamedTuple, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.oks import Sigmas, box_area, oks
from pose_estimation_ros.core.poses import Poses, joined
from pose_estimation_ros.core.tracking import best_pairs

SEARCHED = 0.5  # person score and OKS with the expected pose, from which on somebody was found by searching
SAME_BOX = 0.3  # IoU of a detected box with that of a person who was there
NEWEST_SHARE = 0.2  # of the last image in the mean time of a person


class Turn(NamedTuple):
    """Hold whom to look at in an image.

    Attributes:
        box_xyxy: (M, 4) float32 px, of the first people whose turn it is and, perhaps, of one more.
        least_score: (M,) person scores from which on somebody is taken for found.
        expected: the people whose turn it is, in that order, where they should be.
        is_doubted: (M,) bool, who must also be in nearly the expected pose.
        others: the people whose turn it is not.
    """

    box_xyxy: np.ndarray
    least_score: np.ndarray
    expected: Poses
    is_doubted: np.ndarray
    others: Poses


class Turns:
    """Give people and boxes their turns in the images of one stream."""

    def __init__(self) -> None:
        self._ms_per_person = 0.0
        self.forget()

    def forget(self) -> None:
        """Forget the boxes that wait; the time that a person takes stays known."""
        self._waiting: np.ndarray = np.zeros((0, 5), np.float32)  # xyxy px and least person score

    def took(self, ms: float, people: int) -> None:
        """Learn from an image how long the pose network took for so many people."""
        if people:
            share = NEWEST_SHARE if self._ms_per_person else 1.0
            self._ms_per_person += share * (ms / people - self._ms_per_person)

    def next(self, people: Poses, found: Optional[np.ndarray], lost: np.ndarray, most: int, budget_ms: float) -> Turn:
        """Choose whom to look at.

        Args:
            people: N people where they are expected, who waited longest first.
            found: (D, 4) xyxy px, boxes of a detector, None where there are no new ones.
            lost: (L, 4) xyxy px, expected boxes of people who went out of sight; looked at after new boxes only.
            most: largest number of people.
            budget_ms: time for the pose network; 0: there is no limit.
        """
        if found is None:
            boxes, is_doubted = people.box_xyxy, np.zeros(people.count, bool)
        else:
            boxes, is_doubted = self._renew(people.box_xyxy, found, lost)
        served = self._affordable(budget_ms)
        extra = self._waiting[: int(people.count < most)]
        self._waiting = self._waiting[len(extra) :]
        count = min(people.count, max(served - len(extra), 1))
        return Turn(
            np.concatenate([boxes[:count], extra[:, :4]]),
            np.concatenate([np.where(is_doubted[:count], SEARCHED, 0), extra[:, 4]]),
            people[:count],
            is_doubted[:count],
            people[count:],
        )

    def _affordable(self, budget_ms: float) -> int:
        """Return how many people the pose network can look at in a time."""
        if not (budget_ms and self._ms_per_person):
            return 10**6
        return int(budget_ms / self._ms_per_person)

    def _renew(self, boxes: np.ndarray, found: np.ndarray, lost: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Take the detector's boxes of known people, doubt whom it did not find, and let the other boxes wait."""
        match = best_pairs(iou(boxes, found), SAME_BOX)  # index of the person for each box, -1 for nobody's
        is_known = match >= 0
        boxes, is_doubted = boxes.copy(), np.ones(len(boxes), bool)
        boxes[match[is_known]], is_doubted[match[is_known]] = found[is_known], False
        new = np.column_stack([found[~is_known], np.zeros((~is_known).sum())])
        again = np.column_stack([lost, np.full(len(lost), SEARCHED)])
        self._waiting = np.concatenate([new, again]).astype(np.float32)
        return boxes, is_doubted


def believed(turn: Turn, poses: Poses, sigmas: Sigmas) -> Poses:
    """Drop whom the detector did not see, either, unless the network is sure and the pose is nearly the expected one.

    Args:
        turn: whom the network looked at.
        poses: M people whom it found, in that order.
        sigmas: (K,) of the skeleton.
    """
    is_good = poses.person_score >= turn.least_score
    if turn.is_doubted.any():
        doubted = np.flatnonzero(turn.is_doubted)
        expected, area = turn.expected.select(doubted), box_area(turn.expected.box_xyxy[doubted])
        alike = oks(expected.xy, expected.score, area, poses.xy[doubted], sigmas).diagonal()
        is_good[doubted] &= alike >= SEARCHED
    return joined(turn.others, poses.select(is_good))
