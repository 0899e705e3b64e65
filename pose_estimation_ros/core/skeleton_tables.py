"""List the keypoints of the larger skeletons; core.skeleton makes Skeletons of them.

Sources: Halpe-26 (github.com/Fang-Haoshu/Halpe-FullBody), COCO-WholeBody ("Whole-Body Human Pose Estimation in the
Wild", arXiv:2007.11858; sigmas of its evaluation) with the 21 points of a hand, and AP-10K (arXiv:2108.12617, whose
sigmas are MMPose's). The order is that of the annotations, and so of the outputs of models that were trained on them.
"""

from typing import List, NamedTuple, Tuple

Names = Tuple[str, ...]
Bones = Tuple[Tuple[str, str], ...]


class Table(NamedTuple):
    """Hold a skeleton by the names of its keypoints.

    Attributes:
        name: name of the skeleton.
        keypoints: K names.
        bones: pairs of names.
        sigmas: K OKS sigmas.
        more_flip_pairs: (left, right) pairs that the names do not tell.
    """

    name: str
    keypoints: Names
    bones: Bones
    sigmas: Tuple[float, ...]
    more_flip_pairs: Bones = ()


def _both(*parts: str) -> Names:
    return tuple(side + part for part in parts for side in ("left_", "right_"))


def _bones(*chains: str) -> Bones:
    """Return the bones of chains such as "hip-knee-ankle"."""
    names = [chain.split("-") for chain in chains]
    return tuple(pair for chain in names for pair in zip(chain, chain[1:]))


def _sides(*chains: str) -> List[str]:
    """Return chains of both sides; a joint in capitals is on the axis of the body."""
    sides = [[side + joint if joint.islower() else joint.lower() for joint in chain.split("-")]
             for chain in chains for side in ("left_", "right_")]  # fmt: skip
    return ["-".join(joints) for joints in sides]


_BODY = ("nose",) + _both("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_BODY_SIGMAS = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
)  # fmt: skip
_HEAD_BONES = _bones("left_eye-right_eye", *_sides("NOSE-eye-ear-shoulder"))
_FOOT_BONES = _bones(*_sides("ankle-big_toe", "ankle-small_toe", "ankle-heel"))

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_FINGER_JOINTS = tuple("%s%d" % (finger, joint) for finger in _FINGERS for joint in range(1, 5))
_HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021,
    0.032, 0.02, 0.019, 0.022, 0.031,
)  # fmt: skip


def _hand_bones(prefix: str) -> Bones:
    chains = ["-".join(["wrist"] + ["%s%d" % (finger, joint) for joint in range(1, 5)]) for finger in _FINGERS]
    return tuple((prefix + first, prefix + second) for first, second in _bones(*chains))


HAND21 = Table("hand21", ("wrist",) + _FINGER_JOINTS, _hand_bones(""), _HAND_SIGMAS)

HALPE26 = Table(
    "halpe26",
    _BODY + ("head", "neck", "hip") + _both("big_toe", "small_toe", "heel"),
    _bones("head-neck-hip", *_sides("ankle-knee-hip-HIP", "NECK-shoulder-elbow-wrist")) + _HEAD_BONES + _FOOT_BONES,
    _BODY_SIGMAS + (0.026, 0.026, 0.066) + (0.079,) * 6,
)

# The 68 points of a face by their numbers, the person's left first: jaw, brows, nose, eyes, mouth.
_FACE_PAIRS = (
    (16, 0), (15, 1), (14, 2), (13, 3), (12, 4), (11, 5), (10, 6), (9, 7), (26, 17), (25, 18), (24, 19), (23, 20),
    (22, 21), (35, 31), (34, 32), (45, 36), (44, 37), (43, 38), (42, 39), (47, 40), (46, 41), (54, 48), (53, 49),
    (52, 50), (59, 55), (58, 56), (64, 60), (63, 61), (67, 65),
)  # fmt: skip
_FEET = tuple(side + part for side in ("left_", "right_") for part in ("big_toe", "small_toe", "heel"))
_FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041,
    0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012,
    0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034,
    0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008,
    0.008, 0.008, 0.01, 0.008,
)  # fmt: skip

WHOLEBODY133 = Table(
    "wholebody133",
    _BODY
    + _FEET
    + tuple("face-%d" % number for number in range(68))
    + tuple(side + joint for side in ("left_", "right_") for joint in ("hand_root",) + _FINGER_JOINTS),
    _bones("left_hip-right_hip", "left_shoulder-right_shoulder", *_sides("ankle-knee-hip", "hip-shoulder-elbow-wrist"))
    + _HEAD_BONES
    + _FOOT_BONES
    + _hand_bones("left_")
    + _hand_bones("right_"),
    _BODY_SIGMAS + (0.068, 0.066, 0.066, 0.092, 0.094, 0.094) + _FACE_SIGMAS + 2 * _HAND_SIGMAS,
    tuple(("face-%d" % left, "face-%d" % right) for left, right in _FACE_PAIRS),
)

_LEGS = ("Shoulder", "Elbow", "F_Paw"), ("Hip", "Knee", "B_Paw")
AP10K = Table(
    "ap10k",
    ("L_Eye", "R_Eye", "Nose", "Neck", "Root of tail")
    + tuple("%s_%s" % (side, part) for leg in _LEGS for side in "LR" for part in leg),
    _bones(
        "L_Eye-R_Eye-Nose-L_Eye", "Nose-Neck-Root of tail",
        *["Neck-{0}_Shoulder-{0}_Elbow-{0}_F_Paw".format(side) for side in "LR"],
        *["Root of tail-{0}_Hip-{0}_Knee-{0}_B_Paw".format(side) for side in "LR"]
    ),
    (0.025, 0.025, 0.026, 0.035, 0.035) + 2 * (0.079, 0.072, 0.062) + 2 * (0.107, 0.087, 0.089),
)  # fmt: skip

TABLES = (HALPE26, WHOLEBODY133, HAND21, AP10K)
