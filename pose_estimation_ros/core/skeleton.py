"""Describe skeletons, and convert keypoints from one to another, by name and never by index.

Sources: COCO (cocodataset.org, pycocotools' sigmas), CrowdPose (its API's sigmas), MPII (16 joints, order of the h5
annotation), OpenPose COCO-18, and REP-155's hri_msgs/Skeleton2D, which claims OpenPose's order but swaps eyes and ears.
The larger ones are in core.skeleton_tables.
"""

import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core import skeleton_tables as tables
from pose_estimation_ros.core.atomic_files import JsonObject, is_number, is_whole_number
from pose_estimation_ros.core.errors import ConfigError, shown

MAX_KEYPOINTS = 255  # pose_estimation_ros/Skeleton has indices of uint8
MAX_NAME = 100  # letters of the name of a skeleton or keypoint
UNKNOWN_SIGMA = 0.08  # stands for a sigma that is not known: COCO's limbs have 0.06 to 0.107
SMALLEST_TRACKING_SIGMA = 0.025  # COCO's smallest: with 0.007 of a face two poses of one person are not alike
LEFT_AND_RIGHT = (("left", "right"), ("l", "r"))  # words of a name that tell the side

Pairs = Tuple[Tuple[int, int], ...]


class Skeleton(NamedTuple):
    """Describe the K keypoints of a person, hand or animal.

    Attributes:
        name: name of the skeleton, such as "coco17".
        keypoints: K names, all different.
        links: pairs of keypoint indices, to be drawn as bones.
        flip_pairs: (left, right) index pairs that a mirrored image exchanges; empty where they are not known.
        sigmas: K OKS sigmas (COCO's k_i / 2), None where they are not known.
    """

    name: str
    keypoints: Tuple[str, ...]
    links: Pairs
    flip_pairs: Pairs
    sigmas: Optional[Tuple[float, ...]]

    @property
    def num_keypoints(self) -> int:
        """Return the number of keypoints K."""
        return len(self.keypoints)

    @property
    def oks_sigmas(self) -> Tuple[float, ...]:
        """Return the K OKS sigmas, UNKNOWN_SIGMA where they are not known: for tracking, not for an AP."""
        return self.sigmas or (UNKNOWN_SIGMA,) * self.num_keypoints

    @property
    def tracking_sigmas(self) -> Tuple[float, ...]:
        """Return the K sigmas by which poses are the same person's: OKS sigmas, at least SMALLEST_TRACKING_SIGMA."""
        return tuple(max(sigma, SMALLEST_TRACKING_SIGMA) for sigma in self.oks_sigmas)

    @property
    def flip_index(self) -> np.ndarray:
        """Return the index of each keypoint's mirror image, (K,) int; those on the body's axis map to themselves."""
        index = list(range(self.num_keypoints))
        for left, right in self.flip_pairs:
            index[left], index[right] = right, left
        return np.array(index, int)

    def to_json(self) -> JsonObject:
        """Return the skeleton as a JSON object, which skeleton_from_json reads."""
        pairs = {"links": [list(pair) for pair in self.links], "flip_pairs": [list(pair) for pair in self.flip_pairs]}
        sigmas = None if self.sigmas is None else list(self.sigmas)
        return dict(pairs, name=self.name, keypoints=list(self.keypoints), sigmas=sigmas)


def skeleton_from_json(value: Any) -> Skeleton:
    """Make a skeleton from what its file holds.

    Args:
        value: a name of SKELETONS, or an object with the fields of Skeleton; flip_pairs may be left out, and are then
            derived from the names, and so may sigmas, which are then unknown.

    Raises:
        ConfigError: a field is missing, unknown or wrong.
    """
    if isinstance(value, str):
        return get_skeleton(value)
    if not isinstance(value, dict):
        raise ConfigError("expected a skeleton as its name or an object, got %s" % shown(value))
    missing, unknown = {"name", "keypoints", "links"} - set(value), set(value) - set(Skeleton._fields)
    if missing or unknown:
        text = "expected a skeleton with name, keypoints and links, and perhaps flip_pairs and sigmas, got %s"
        raise ConfigError(text % shown(sorted(map(str, value))))
    keypoints = _checked_names(value["name"], value["keypoints"])
    count = len(keypoints)
    links = _checked_pairs("links", value["links"], count)
    flip_pairs = value.get("flip_pairs")
    flip_pairs = find_flip_pairs(keypoints) if flip_pairs is None else _checked_flip_pairs(flip_pairs, count)
    return Skeleton(value["name"], keypoints, links, flip_pairs, _checked_sigmas(value.get("sigmas"), count))


def pairs_from_one(field: str, pairs: Any, count: int) -> List[List[int]]:
    """Turn pairs of places, which COCO's files count from 1, into pairs of indices.

    Args:
        field: name of the field, for messages.
        pairs: the value of the field.
        count: number of keypoints.

    Raises:
        ConfigError: the value is no list of pairs of places.
    """
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        if not isinstance(pair, list) or not all(is_whole_number(place, 1, count) for place in pair):
            text = "expected %s as pairs of whole numbers from 1 to %d, got %s"
            raise ConfigError(text % (field, count, shown(pair)))
    return [[place - 1 for place in pair] for pair in pairs]


def find_flip_pairs(keypoints: Sequence[str]) -> Pairs:
    """Find the (left, right) index pairs that the names tell, such as left_eye, L_Eye, eye_l and "Left Eye".

    Args:
        keypoints: K names.
    """
    index = {tuple(words_of(name)): i for i, name in enumerate(keypoints)}
    pairs = []
    for i, name in enumerate(keypoints):
        words = words_of(name)
        for left, right in LEFT_AND_RIGHT:
            other = tuple(right if word == left else word for word in words)
            if left in words and other in index:
                pairs.append((i, index[other]))
                break
    return tuple(pairs)


def words_of(name: str) -> List[str]:
    """Return the words of a keypoint's name in lower case: "L_Eye" -> l, eye; "LeftEye" -> left, eye."""
    return [word.lower() for word in re.findall("[A-Z]*[^A-Z \\W_]*", name) if word]


def _checked_names(name: Any, keypoints: Any) -> Tuple[str, ...]:
    for text in [name] + (keypoints if isinstance(keypoints, list) else []):
        if not isinstance(text, str) or not 1 <= len(text) <= MAX_NAME or not text.isprintable():
            raise ConfigError("expected names of 1 to %d letters in a skeleton, got %s" % (MAX_NAME, shown(text)))
    if not isinstance(keypoints, list) or not 1 <= len(keypoints) <= MAX_KEYPOINTS:
        what = "%d names" % len(keypoints) if isinstance(keypoints, list) else shown(keypoints)
        raise ConfigError("expected 1 to %d keypoints in skeleton %s, got %s" % (MAX_KEYPOINTS, name, what))
    if len(set(keypoints)) < len(keypoints):
        twice = next(text for text in keypoints if keypoints.count(text) > 1)
        raise ConfigError("expected different names of keypoints in skeleton %s, got %s twice" % (name, shown(twice)))
    return tuple(keypoints)


def _checked_pairs(field: str, pairs: Any, count: int) -> Pairs:
    """Return pairs of different indices below count."""
    wrong = pairs if not isinstance(pairs, list) else [pair for pair in pairs if not _is_pair(pair, count)]
    if wrong or not isinstance(pairs, list):
        text = "expected %s as pairs of different whole numbers from 0 to %d, got %s"
        raise ConfigError(text % (field, count - 1, shown(wrong[0] if isinstance(wrong, list) else wrong)))
    return tuple((pair[0], pair[1]) for pair in pairs)


def _checked_flip_pairs(pairs: Any, count: int) -> Pairs:
    checked = _checked_pairs("flip_pairs", pairs, count)
    used = [index for pair in checked for index in pair]
    if len(set(used)) < len(used):
        raise ConfigError("expected every keypoint in one of the flip_pairs at most, got %s" % shown(pairs))
    return checked


def _is_pair(pair: Any, count: int) -> bool:
    is_list = isinstance(pair, (list, tuple)) and len(pair) == 2
    return is_list and all(is_whole_number(index, 0, count - 1) for index in pair) and pair[0] != pair[1]


def _checked_sigmas(sigmas: Any, count: int) -> Optional[Tuple[float, ...]]:
    if sigmas is None:
        return None
    if not isinstance(sigmas, list) or len(sigmas) != count or not all(is_number(s, 1e-6, 10) for s in sigmas):
        raise ConfigError("expected sigmas as null or %d numbers from 1e-6 to 10, got %s" % (count, shown(sigmas)))
    return tuple(float(sigma) for sigma in sigmas)


# Keypoints that one skeleton has and another lacks, as the midpoint of two that both have.
MIDPOINTS = {
    "neck": ("left_shoulder", "right_shoulder"),
    "thorax": ("left_shoulder", "right_shoulder"),
    "pelvis": ("left_hip", "right_hip"),
}

_SIGMA = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089, "neck": 0.079, "head_top": 0.079, "thorax": 0.079, "pelvis": 0.107,
}  # fmt: skip

# CrowdPose's own API: shoulders, elbows, wrists, hips, knees, ankles (left, right each), head top, neck.
_CROWDPOSE_SIGMAS = (0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089, 0.079, 0.079)

_BONES = (
    "left_ankle-left_knee", "left_knee-left_hip", "right_ankle-right_knee", "right_knee-right_hip",
    "left_hip-right_hip", "left_shoulder-left_hip", "right_shoulder-right_hip", "left_shoulder-right_shoulder",
    "left_shoulder-left_elbow", "left_elbow-left_wrist", "right_shoulder-right_elbow", "right_elbow-right_wrist",
    "nose-left_eye", "nose-right_eye", "left_eye-left_ear", "right_eye-right_ear",
    "left_ear-left_shoulder", "right_ear-right_shoulder",
)  # fmt: skip

_NECK_BONES = (
    "neck-left_shoulder", "left_shoulder-left_elbow", "left_elbow-left_wrist",
    "neck-right_shoulder", "right_shoulder-right_elbow", "right_elbow-right_wrist",
    "neck-left_hip", "left_hip-left_knee", "left_knee-left_ankle",
    "neck-right_hip", "right_hip-right_knee", "right_knee-right_ankle",
    "neck-nose", "nose-left_eye", "left_eye-left_ear", "nose-right_eye", "right_eye-right_ear",
)  # fmt: skip


_LIMB_BONES = _BONES[:4] + _BONES[8:12]


def _both(*parts: str) -> List[str]:
    return [side + part for part in parts for side in ("left_", "right_")]


def _skeleton(name: str, keypoints: List[str], bones: Tuple[str, ...]) -> Skeleton:
    ends = [bone.split("-") for bone in bones]
    links = tuple((keypoints.index(first), keypoints.index(second)) for first, second in ends)
    sigmas = tuple(_SIGMA[keypoint.replace("left_", "").replace("right_", "")] for keypoint in keypoints)
    return Skeleton(name, tuple(keypoints), links, find_flip_pairs(keypoints), sigmas)


def _from_table(table: tables.Table) -> Skeleton:
    index = {name: i for i, name in enumerate(table.keypoints)}
    links = tuple((index[first], index[second]) for first, second in table.bones)
    flip_pairs = find_flip_pairs(table.keypoints) + tuple((index[a], index[b]) for a, b in table.more_flip_pairs)
    return Skeleton(table.name, table.keypoints, links, flip_pairs, table.sigmas)


_COCO = ["nose"] + _both("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_CROWDPOSE = _both("shoulder", "elbow", "wrist", "hip", "knee", "ankle") + ["head_top", "neck"]
_MPII = [
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax", "neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
]  # fmt: skip
_BODY = [
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
]  # fmt: skip
_OPENPOSE = _BODY + ["right_eye", "left_eye", "right_ear", "left_ear"]
_HRI = _BODY + _both("eye", "ear")  # eyes and ears in another order than in OpenPose

_NECK_TRUNK = ("neck-head_top", "neck-left_shoulder", "neck-right_shoulder", "neck-left_hip", "neck-right_hip")
_MPII_TRUNK = (
    "head_top-neck", "neck-thorax", "thorax-left_shoulder", "thorax-right_shoulder", "thorax-pelvis",
    "pelvis-left_hip", "pelvis-right_hip",
)  # fmt: skip

SKELETONS: Dict[str, Skeleton] = {
    skeleton.name: skeleton
    for skeleton in (
        _skeleton("coco17", _COCO, _BONES),
        _skeleton("crowdpose14", _CROWDPOSE, _LIMB_BONES + _NECK_TRUNK)._replace(sigmas=_CROWDPOSE_SIGMAS),
        _skeleton("mpii16", _MPII, _LIMB_BONES + _MPII_TRUNK),
        _skeleton("openpose18", _OPENPOSE, _NECK_BONES),
        _skeleton("hri18", _HRI, _NECK_BONES),
        *map(_from_table, tables.TABLES),
    )
}


def get_skeleton(name: str) -> Skeleton:
    """Return the skeleton of that name. Raises ConfigError with the known names."""
    if name not in SKELETONS:
        raise ConfigError("expected a skeleton out of %s, got %.80r" % (", ".join(sorted(SKELETONS)), name))
    return SKELETONS[name]


def convert(xy: np.ndarray, score: np.ndarray, source: Skeleton, target: Skeleton) -> Tuple[np.ndarray, np.ndarray]:
    """Convert keypoints from one skeleton to another.

    A keypoint is that of the same name, else the midpoint of two (with the lower score), else score 0 at (0, 0).

    Args:
        xy: (N, K, 2) px, in the order of source.
        score: (N, K) in 0..1, in the order of source.
        source: the skeleton of the keypoints.
        target: the skeleton that is wanted.

    Returns:
        xy (N, L, 2) float32 px and score (N, L) float32, in the order of target.
    """
    index = {name: i for i, name in enumerate(source.keypoints)}
    new_xy = np.zeros((len(xy), target.num_keypoints, 2), np.float32)
    new_score = np.zeros((len(xy), target.num_keypoints), np.float32)
    for k, name in enumerate(target.keypoints):
        parts = [index[part] for part in ((name,) if name in index else MIDPOINTS.get(name, ())) if part in index]
        if parts:
            new_xy[:, k] = xy[:, parts].mean(1)
            new_score[:, k] = score[:, parts].min(1)
    new_xy[new_score == 0] = 0
    return new_xy, new_score
