"""Associative embedding: heatmaps and tags of a whole image -> people (Newell et al. 2017, tested as in HigherHRNet).

A tag is a number that the network gives to each joint, alike for the joints of one person. LitePose and WLitePose take
over HigherHRNet's grouping (lib/core/group.py). Where its code and its meaning differ, this follows the meaning:

* Tags further apart than the threshold are all equally far. There, their distances are summed up, and the sum is often
  lower where a joint of somebody new gets the place of a joint that is missing, and another joint becomes somebody new:
  with 10 people, tags 1.2 to 2.5 apart and a quarter of the joints missing, 9 people in 100 were split (here none).
* Rounded distances often tie; there, the result hangs on the order inside the solver. Here strong joints go to strong
  people, and among equals the closer tags win. For a faint false peak beside a true one begins somebody who has the
  same tag, and of 743 joints of 64 people whom a network had learned by heart, such people took 27.
* Two people whose tags are exactly equal stay two; there, one overwrites the other's joints, as the tag is a key.
* A missing joint is only found where the tag is the person's. There, it is found anywhere, on other people, too, which
  costs nothing in COCO's AP and gives robots people with others' hands.
* The 31st person is not begun; there, it is, but gets no second joint.
* A peak at the rim, or between two equal neighbours, stays where it is (as core.heatmap.decode); there, it moves left.
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
TIE = 1e-6  # of what decides where rounded distances are equal: no match for a score
FAINT = 0.02  # few places of a map are above; the rest is only looked at where none of them will do
STRONG = 10.0  # squared tag distance that a joint's score times its person's mean score outweighs


def joint_order(skeleton: Skeleton) -> np.ndarray:
    """(K,) indices of the joints in the order in which they join people: head and trunk first, as HigherHRNet for COCO.

    By name, because HigherHRNet takes COCO's indices for CrowdPose's joints, too, which puts an ankle before a knee.
    """
    parts = [name.replace("left_", "").replace("right_", "") for name in skeleton.keypoints]
    return np.argsort([PARTS.index(part) for part in parts], kind="mergesort")


def group(
    heatmaps: np.ndarray,
    tags: np.ndarray,
    order: Iterable[int],
    max_people: int = 30,
    threshold: float = 0.1,
    tag_threshold: float = 1.0,
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The people of one image.

    Args: heatmaps (K, h, w) float; tags (K, h, w) or (K, h, w, T), T tags per joint, such as those of the image and of
    its mirror image; order: of the joints, as joint_order gives it; threshold: of a peak; tag_threshold: a joint
    whose tag is as far as that from a person's mean tag begins another person.
    A joint whose heatmap or tags are not all finite is found of nobody.
    Returns xy (N, K, 2) float32 heatmap px; score (N, K) float32 0..1, the heatmap's value, 0 = not found;
    person_score (N,) float32, the mean over all K of the joints that were matched (refined ones are not).
    """
    heatmaps = np.asarray(heatmaps, np.float32)
    joints, _height, width = heatmaps.shape
    flat = heatmaps.reshape(joints, -1)
    flat_tags = np.asarray(tags, np.float32).reshape(flat.shape + (-1,))
    finite = np.isfinite(flat).all(1) & np.isfinite(flat_tags).all((1, 2))
    if not finite.all():
        heatmaps, flat_tags = heatmaps.copy(), flat_tags.copy()
        heatmaps[~finite], flat_tags[~finite] = 0, 0
        flat = heatmaps.reshape(joints, -1)
    joint, pixel = find_peaks(heatmaps, threshold, max_people)
    peak, mean_tag = _match(
        joint, np.clip(flat[joint, pixel], 0, 1), flat_tags[joint, pixel], order, max_people, tag_threshold
    )
    found = peak >= 0
    pixels = np.where(found, np.append(pixel, 0)[peak], 0)  # the 0 is there for -1 where there is no peak at all
    person_score = np.where(found, _score(flat, pixels), 0).sum(1) / np.float32(joints)
    found |= _refine(flat, flat_tags, mean_tag, pixels, ~found, tag_threshold)
    rows = np.broadcast_to(np.arange(joints), pixels.shape)
    xy = quarter_offset(flat, rows.ravel(), pixels.ravel(), width).reshape(pixels.shape + (2,))
    return np.where(found[..., None], xy, 0), np.where(found, _score(flat, pixels), 0), person_score


def find_peaks(heatmaps: np.ndarray, threshold: float, most: int) -> Tuple[np.ndarray, np.ndarray]:
    """joint (M,) and pixel y * w + x (M,) of those over the threshold with nothing higher in the 5 x 5 px around.

    Sorted by joint, then the highest first, equal ones from the top left; at most ``most`` of each joint.
    """
    joints, height, width = heatmaps.shape
    edge = ((0, 0), (NMS_REACH, NMS_REACH), (NMS_REACH, NMS_REACH))
    padded = np.pad(heatmaps, edge, "constant", constant_values=-np.inf)
    flat, stride = padded.ravel(), padded.shape[2]
    at = np.flatnonzero(flat > threshold)
    around = range(-NMS_REACH, NMS_REACH + 1)
    for step in sorted((y * stride + x for y in around for x in around), key=abs):
        at = at[flat[at] >= flat[at + step]]  # each step leaves few to look at in the next
    joint, rest = np.divmod(at, stride * padded.shape[1])
    y, x = np.divmod(rest, stride)
    best_first = np.lexsort((-flat[at], joint))  # stable, and the pixels came in order
    joint, pixel = joint[best_first], ((y - NMS_REACH) * width + x - NMS_REACH)[best_first]
    rank = np.arange(len(joint)) - np.searchsorted(joint, joint)
    return joint[rank < most], pixel[rank < most]


def _match(
    joint: np.ndarray, score: np.ndarray, tag: np.ndarray, order: Iterable[int], max_people: int, tag_threshold: float
) -> Tuple[np.ndarray, np.ndarray]:
    """peak (N, K): the index of each person's joint among the M peaks, -1 for none; and mean_tag (N, T)."""
    order = list(order)
    peak = np.full((max_people, len(order)), -1)
    tag_sum, joints = np.zeros((max_people, tag.shape[1])), np.zeros((max_people, 1))
    score_sum, people = np.zeros(max_people), 0
    for k in order:
        own = np.flatnonzero(joint == k)
        means = tag_sum[:people] / joints[:people]
        distance = np.fmin(np.sqrt(((tag[own][:, None] - means) ** 2).sum(-1)), tag_threshold)
        alike = STRONG * score[own][:, None] * score_sum[:people] / joints[:people, 0]
        person = assign(100 * np.round(distance) - score[own][:, None] + TIE * (distance**2 - alike))
        alone = person < 0
        alone[~alone] = distance[~alone, person[~alone]] >= tag_threshold
        person[alone] = people + np.arange(alone.sum())
        fits = person < max_people
        own, person = own[fits], person[fits]
        peak[person, k] = own
        tag_sum[person] += tag[own]
        score_sum[person] += score[own]
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
    """Looks for missing joints where heatmap - rounded tag distance is highest; writes into pixels, says which exist.

    Pair by pair: all people at once take as long, and thirty times the memory.
    """
    better = np.zeros_like(missing)
    for k in np.flatnonzero(missing.any(0)):
        bright = np.flatnonzero(flat[k] > FAINT)
        bright_flat, bright_tags = flat[k, bright], tags[k, bright]
        for person in np.flatnonzero(missing[:, k]):
            place, value, distance = _best_place(bright_flat, bright_tags, mean_tag[person])
            if value > FAINT:  # else a faint place may be better
                pixel = bright[place]
            else:
                pixel, _value, distance = _best_place(flat[k], tags[k], mean_tag[person])
            pixels[person, k] = pixel
            better[person, k] = flat[k, pixel] > 0 and distance < tag_threshold
    return better


def _best_place(flat: np.ndarray, tags: np.ndarray, mean: np.ndarray) -> Tuple[int, float, float]:
    """Of places with heatmap (M,) and tags (M, T) the index of the best for a mean tag (T,), its value and distance."""
    if not len(flat):
        return 0, -np.inf, np.inf
    offset = tags - mean
    distance = np.abs(offset[:, 0]) if offset.shape[1] == 1 else np.sqrt(np.einsum("nt,nt->n", offset, offset))
    value = flat - np.rint(distance)
    best = int(np.argmax(value))
    return best, value[best], distance[best]


def _score(flat: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    return np.clip(flat[np.arange(len(flat)), pixels], 0, 1)


def merge_scales(heatmaps: np.ndarray, heatmaps_2x: np.ndarray) -> np.ndarray:
    """Mean of the maps (..., h, w) at stride 4, doubled, and the maps (..., 2 h, 2 w) at stride 2."""
    return (double(heatmaps) + heatmaps_2x) / 2


def double(maps: np.ndarray) -> np.ndarray:
    """(..., h, w) -> (..., 2 h, 2 w) float32, bilinear.

    Pixel j of the result lies at j / 2, because pixel j of a stride-s map lies at input pixel s * j; the last one has
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


def mirror_back(maps: np.ndarray, flip_index: np.ndarray) -> np.ndarray:
    """Maps (K, h, w) at stride 2 of the mirrored image as those of the image: turned back, left and right exchanged.

    Pixel j lies at input pixel 2 j, so its mirror image is half way between two pixels: their mean. The first column
    has but one.
    """
    back = maps[flip_index, :, ::-1]
    return (back + np.concatenate([back[..., :1], back[..., :-1]], -1)) / 2
