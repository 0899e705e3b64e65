"""Describe skeletons, and convert keypoints from one to another, by name and never by index.

Sources: COCO (cocodataset.org, pycocotools' sigmas), CrowdPose (its API's sigmas), MPII (16 joints, order of the h5
annotation), OpenPose COCO-18, and REP-155's hri_msgs/Skeleton2D, which claims OpenPose's order but swaps eyes and ears.
"""

from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError


class Skeleton(NamedTuple):
    """Describe the K keypoints of a person.

    Attributes:
        name: name of the skeleton, such as "coco17".
        keypoints: K names. Those of a side begin with "left_" or "right_".
        links: pairs of keypoint indices, to be drawn as bones.
        sigmas: K OKS sigmas (COCO's k_i / 2).
    """

    name: str
    keypoints: Tuple[str, ...]
    links: Tuple[Tuple[int, int], ...]
    sigmas: Tuple[float, ...]

    @property
    def num_keypoints(self) -> int:
        """Return the number of keypoints K."""
        return len(self.keypoints)

    @property
    def flip_pairs(self) -> Tuple[Tuple[int, int], ...]:
        """Return the (left, right) index pairs that a mirrored image exchanges, derived from the names."""
        left = [i for i, name in enumerate(self.keypoints) if name.startswith("left_")]
        return tuple((i, self.keypoints.index(self.keypoints[i].replace("left_", "right_"))) for i in left)

    @property
    def flip_index(self) -> np.ndarray:
        """Return the index of each keypoint's mirror image, (K,) int; those on the body's axis map to themselves."""
        index = np.arange(self.num_keypoints)
        for left, right in self.flip_pairs:
            index[[left, right]] = right, left
        return index


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
    links = tuple(tuple(keypoints.index(end) for end in bone.split("-")) for bone in bones)
    sigmas = tuple(_SIGMA[keypoint.replace("left_", "").replace("right_", "")] for keypoint in keypoints)
    return Skeleton(name, tuple(keypoints), links, sigmas)  # type: ignore[arg-type]


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
