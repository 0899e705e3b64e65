"""Group the joints of a whole image into people by associative embedding: heatmaps and tags in, people out.

A tag is a number that the network gives to each joint; it is similar for all joints of one person. Sources:
"Associative Embedding: End-to-End Learning for Joint Detection and Grouping", arXiv:1611.05424, and the grouping of
"HigherHRNet", arXiv:1908.10357 (lib/core/group.py), which LitePose and WLitePose use as well. Where HigherHRNet's code
differs from its intention, this module follows the intention:

* Here, tags further apart than the threshold are all equally far. HigherHRNet adds up their distances. The sum is often
  lower when a joint of a new person takes the place of a missing joint and another joint becomes a new person. With 10
  people, tags 1.2 to 2.5 apart and a quarter of the joints missing, that split 9 people in 100 (here none).
* Rounded distances are often equal. In HigherHRNet the result then depends on the order inside the solver. Here, strong
  joints go to strong people, and among equals the closer tags win. Otherwise a faint false peak beside a true one
  starts a person with the same tag; such people took 27 of 743 joints of 64 people that a network had overfitted.
* Here, two people whose tags are exactly equal remain two people. In HigherHRNet one overwrites the other's joints,
  because the tag is a key.
* Here, a missing joint is only found where the tag is that of the person. HigherHRNet finds it anywhere, also on other
  people, which costs nothing in COCO's AP but gives robots people with the hands of other people.
* Here, the 31st person is not started. HigherHRNet starts it but gives it no second joint.
* Here, a peak at the rim or between two equal neighbours is not moved (as in core.heatmap.decode). HigherHRNet moves it
  to the left.
"""

from typing import Iterable, Tuple

import numpy as np

from pose_estimation_ros.core.heatmap import quarter_offset
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.skeleton import Skeleton

PARTS = (
    "nose", "eye", "ear", "head_top", "neck", "thorax", "shoulder", "pelvis", "hip", "elbow", "wrist", "knee", "ankle",
)  # fmt: skip
NMS_REACH = 2  # px: a peak is the highest of 5 x 5
TIE = 1e-6  # weight of what decides between equal rounded distances; small against any score
FAINT = 0.02  # few pixels of a map are above; the others are only searched if none of these is good enough
STRONG = 10.0  # squared tag distance that a joint's score times the mean score of its person outweighs


def joint_order(skeleton: Skeleton) -> np.ndarray:
    """Return the indices (K,) of the joints in the order of grouping: head and trunk first, as HigherHRNet for COCO.

    The order goes by names; joints of other names come last, in their own order. HigherHRNet uses COCO's indices also
    for CrowdPose, which puts an ankle before a knee.
    """
    parts = [name.replace("left_", "").replace("right_", "") for name in skeleton.keypoints]
    return np.argsort([PARTS.index(part) if part in PARTS else len(PARTS) for part in parts], kind="mergesort")


def group(
    heatmaps: np.ndarray,
    tags: np.ndarray,
    order: Iterable[int],
    max_people: int = 30,
    threshold: float = 0.1,
    tag_threshold: float = 1.0,
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group the joints of one image into people.

    A joint whose heatmap or tags are not all finite is not found for anybody.

    Args:
        heatmaps: (K, h, w).
        tags: (K, h, w), or (K, h, w, T) with T tags per joint, such as those of the image and of its mirror image.
        order: indices of the joints, as joint_order returns them.
        max_people: largest number of people.
        threshold: smallest value of a peak.
        tag_threshold: a joint whose tag is at least this far from a person's mean tag starts another person.

    Returns:
        xy: (N, K, 2) float32 heatmap px.
        score: (N, K) float32 0..1, the value of the heatmap, 0 = not found.
        person_score: (N,) float32, the sum of scores divided by K, without joints that were found by refinement.
    """
    heatmaps, flat_tags = _zero_non_finite(np.asarray(heatmaps, np.float32), np.asarray(tags, np.float32))
    joints, _height, width = heatmaps.shape
    flat = heatmaps.reshape(joints, -1)
    joint, pixel = find_peaks(heatmaps, threshold, max_people)
    peak, mean_tag = _match(
        joint, np.clip(flat[joint, pixel], 0, 1), flat_tags[joint, pixel], order, max_people, tag_threshold
    )
    known = peak >= 0
    pixels = np.where(known, np.append(pixel, 0)[peak], 0)  # without any peak, index -1 reads the appended 0
    person_score = np.where(known, _score(flat, pixels), 0).sum(1) / np.float32(joints)
    known |= _refine(flat, flat_tags, mean_tag, pixels, ~known, tag_threshold)
    rows = np.broadcast_to(np.arange(joints), pixels.shape)
    xy = quarter_offset(flat, rows.ravel(), pixels.ravel(), width).reshape(pixels.shape + (2,))
    return np.where(known[..., None], xy, 0), np.where(known, _score(flat, pixels), 0), person_score


def _zero_non_finite(heatmaps: np.ndarray, tags: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return heatmaps (K, h, w) and tags (K, h * w, T) with zeros for joints that are not all finite."""
    joints, height, width = heatmaps.shape
    tags = tags.reshape(joints, height * width, -1)
    finite = np.isfinite(heatmaps).all((1, 2)) & np.isfinite(tags).all((1, 2))
    if not finite.all():
        heatmaps, tags = heatmaps.copy(), tags.copy()
        heatmaps[~finite], tags[~finite] = 0, 0
    return heatmaps, tags


def find_peaks(heatmaps: np.ndarray, threshold: float, most: int) -> Tuple[np.ndarray, np.ndarray]:
    """Find the pixels over a threshold with nothing higher in the 5 x 5 px around them.

    Args:
        heatmaps: (K, h, w).
        threshold: only higher values are peaks.
        most: largest number of peaks per joint.

    Returns:
        joint: (M,) index of each peak's heatmap, in ascending order.
        pixel: (M,) y * w + x of each peak; within a joint the highest first, equal ones from the top left.
    """
    joints, height, width = heatmaps.shape
    edge = ((0, 0), (NMS_REACH, NMS_REACH), (NMS_REACH, NMS_REACH))
    padded = np.pad(heatmaps, edge, "constant", constant_values=-np.inf)
    flat, stride = padded.ravel(), padded.shape[2]
    index = np.flatnonzero(flat > threshold)
    around = range(-NMS_REACH, NMS_REACH + 1)
    for step in sorted((y * stride + x for y in around for x in around), key=abs):
        index = index[flat[index] >= flat[index + step]]  # each step leaves few candidates to the next one
    joint, rest = np.divmod(index, stride * padded.shape[1])
    y, x = np.divmod(rest, stride)
    best_first = np.lexsort((-flat[index], joint))  # stable, and the pixels are in order
    joint, pixel = joint[best_first], ((y - NMS_REACH) * width + x - NMS_REACH)[best_first]
    rank = np.arange(len(joint)) - np.searchsorted(joint, joint)
    return joint[rank < most], pixel[rank < most]


def _match(
    joint: np.ndarray, score: np.ndarray, tag: np.ndarray, order: Iterable[int], max_people: int, tag_threshold: float
) -> Tuple[np.ndarray, np.ndarray]:
    """Match M peaks with people.

    Returns:
        peak: (N, K) index of each person's joint among the peaks, -1 for none.
        mean_tag: (N, T) of each person.
    """
    order = list(order)
    peak = np.full((max_people, len(order)), -1)
    tag_sum, joints = np.zeros((max_people, tag.shape[1])), np.zeros((max_people, 1))
    score_sum, people = np.zeros(max_people), 0
    for k in order:
        peaks = np.flatnonzero(joint == k)
        means = tag_sum[:people] / joints[:people]
        distance = np.fmin(np.sqrt(((tag[peaks][:, None] - means) ** 2).sum(-1)), tag_threshold)
        strength = STRONG * score[peaks][:, None] * score_sum[:people] / joints[:people, 0]
        person = assign(100 * np.round(distance) - score[peaks][:, None] + TIE * (distance**2 - strength))
        new = person < 0
        new[~new] = distance[~new, person[~new]] >= tag_threshold
        person[new] = people + np.arange(new.sum())
        fits = person < max_people
        peaks, person = peaks[fits], person[fits]
        peak[person, k] = peaks
        tag_sum[person] += tag[peaks]
        score_sum[person] += score[peaks]
        joints[person] += 1
        people = max(people, person.max(initial=-1) + 1)
    return peak[:people], (tag_sum[:people] / joints[:people]).astype(np.float32)


def _refine(
    flat: np.ndarray,
    tags: np.ndarray,
    mean_tag: np.ndarray,
    pixels: np.ndarray,
    missing: np.ndarray,
    tag_threshold: float,
) -> np.ndarray:
    """Search for missing joints where heatmap - rounded tag distance is highest.

    Works person by person: all people at once take as long and thirty times the memory.

    Args:
        flat: (K, h * w) heatmaps.
        tags: (K, h * w, T).
        mean_tag: (N, T) of each person.
        pixels: (N, K); the places of missing joints are written here.
        missing: (N, K) bool.
        tag_threshold: a joint further from the person's mean tag is not taken.

    Returns:
        (N, K) bool: the missing joints that were found.
    """
    better = np.zeros_like(missing)
    for k in np.flatnonzero(missing.any(0)):
        bright = np.flatnonzero(flat[k] > FAINT)
        bright_flat, bright_tags = flat[k, bright], tags[k, bright]
        for person in np.flatnonzero(missing[:, k]):
            place, value, distance = _best_place(bright_flat, bright_tags, mean_tag[person])
            if value > FAINT:  # otherwise a faint place may be better
                pixel = bright[place]
            else:
                pixel, _value, distance = _best_place(flat[k], tags[k], mean_tag[person])
            pixels[person, k] = pixel
            better[person, k] = flat[k, pixel] > 0 and distance < tag_threshold
    return better


def _best_place(flat: np.ndarray, tags: np.ndarray, mean: np.ndarray) -> Tuple[int, float, float]:
    """Return index, value and tag distance of the best place for a person's mean tag (T,).

    flat (M,) and tags (M, T) are the heatmap and the tags of M places.
    """
    if not len(flat):
        return 0, -np.inf, np.inf
    offset = tags - mean
    distance = np.abs(offset[:, 0]) if offset.shape[1] == 1 else np.sqrt(np.einsum("nt,nt->n", offset, offset))
    value = flat - np.rint(distance)
    best = int(np.argmax(value))
    return best, value[best], distance[best]


def _score(flat: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    score: np.ndarray = np.clip(flat[np.arange(len(flat)), pixels], 0, 1)
    return score


def merge_scales(heatmaps: np.ndarray, heatmaps_2x: np.ndarray) -> np.ndarray:
    """Average heatmaps of two strides.

    Args:
        heatmaps: (..., h, w) at stride 4; they are doubled in size.
        heatmaps_2x: (..., 2 h, 2 w) at stride 2.

    Returns:
        (..., 2 h, 2 w).
    """
    merged: np.ndarray = (double(heatmaps) + heatmaps_2x) / 2
    return merged


def double(maps: np.ndarray) -> np.ndarray:
    """Double the size of maps (..., h, w) to (..., 2 h, 2 w) float32, bilinearly.

    Pixel j of the result lies at j / 2, because pixel j of a stride-s map lies at input pixel s * j. The last one has
    nothing to its right and repeats its neighbour.
    """
    height, width = maps.shape[-2:]
    out = np.empty(maps.shape[:-2] + (2 * height, 2 * width), np.float32)
    out[..., ::2, ::2] = maps
    out[..., ::2, 1:-1:2] = (maps[..., :-1] + maps[..., 1:]) / 2
    out[..., ::2, -1] = maps[..., -1]
    out[..., 1:-1:2, :] = (out[..., :-2:2, :] + out[..., 2::2, :]) / 2
    out[..., -1, :] = out[..., -2, :]
    return out
