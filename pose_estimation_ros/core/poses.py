"""Hold the people found in one image: the value that travels from the estimator to the message."""

import math
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union, overload

import numpy as np

from pose_estimation_ros.core.errors import described, did_you_mean, shown
from pose_estimation_ros.core.skeleton import Skeleton

UNTRACKED = -1
# State of a person in the tracker: not tracked, seen in too few frames, confirmed, or confirmed but out of sight.
NO_STATE, TENTATIVE, CONFIRMED, LOST = range(4)
STATE_NAMES = ("none", "tentative", "confirmed", "lost")
FIELDS = ("xy", "score", "box_xyxy", "person_score", "track_id", "state", "velocity")
SLOTS = frozenset(FIELDS + ("skeleton",))
MOST_SHOWN = 3  # people in a repr

Index = Union[slice, List[int], List[bool], np.ndarray]


class Keypoint(NamedTuple):
    """Hold one joint: x and y in pixels of the image, and a score in 0..1, where 0 means "not found"."""

    x: float
    y: float
    score: float


class Pose(Mapping[str, Keypoint]):
    """Show one person of Poses: a mapping from the names of the joints to their Keypoints.

    ``person["left_wrist"]`` is a Keypoint, and ``person.items()`` goes over all K joints. It needs a skeleton; the
    attributes do without. Pixels are those of the original image, with the origin at the centre of the top left pixel.
    Two Pose are equal where they show the same person of the same Poses.

    Attributes:
        xy: (K, 2) float32 px.
        score: (K,) float32 in 0..1, 0 = joint not found.
        box_xyxy: (4,) float32 px.
        person_score: in 0..1.
        track_id: the same in every image of a stream, UNTRACKED (-1) without tracking.
        state: NO_STATE, TENTATIVE, CONFIRMED or LOST.
        velocity: (K, 2) float32 px/s, 0 where it is not known.
        skeleton: the names and links of the joints, None where they are not known.
    """

    __slots__ = FIELDS + ("skeleton", "_poses", "_index")

    def __init__(self, poses: "Poses", index: int) -> None:
        self.xy: np.ndarray = poses.xy[index]
        self.score: np.ndarray = poses.score[index]
        self.box_xyxy: np.ndarray = poses.box_xyxy[index]
        self.person_score = float(poses.person_score[index])
        self.track_id = int(poses.track_id[index])
        self.state = int(poses.state[index])
        self.velocity: np.ndarray = poses.velocity[index]
        self.skeleton = poses.skeleton
        self._poses, self._index = poses, index % len(poses)

    @property
    def names(self) -> Tuple[str, ...]:
        """Return the K names of the joints. Raises ValueError where the skeleton is not known."""
        if self.skeleton is None:
            raise ValueError("expected poses with a skeleton to look up joints by name, got poses without one")
        return self.skeleton.keypoints

    def __getitem__(self, name: str) -> Keypoint:
        """Return the joint of that name. Raises KeyError with the known names."""
        if name not in self.names:
            text = "unknown joint %.80r%s (known: %s)"
            raise KeyError(text % (name, did_you_mean(str(name), self.names), ", ".join(self.names)))
        return self._keypoint(self.names.index(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.score)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pose) and self._poses is other._poses and self._index == other._index

    def __hash__(self) -> int:
        return hash((id(self._poses), self._index))

    def __reduce__(self) -> Tuple[Any, ...]:
        return Pose, (self._poses, self._index)

    def _keypoint(self, index: int) -> Keypoint:
        return Keypoint(float(self.xy[index, 0]), float(self.xy[index, 1]), float(self.score[index]))

    def to_dict(self) -> Dict[str, Any]:
        """Return what json.dumps takes, see Poses.to_dict."""
        joints = [[_rounded(value) for value in self._keypoint(index)] for index in range(len(self))]
        return {
            "track_id": None if self.track_id == UNTRACKED else self.track_id,
            "state": STATE_NAMES[self.state],
            "person_score": _rounded(self.person_score),
            "box_xyxy": [_rounded(value) for value in self.box_xyxy.tolist()],
            "keypoints": dict(zip(self.skeleton.keypoints, joints)) if self.skeleton else joints,
        }

    def __repr__(self) -> str:
        return "Pose(%s, %d of %d keypoints)" % (self._text(), int((self.score > 0).sum()), len(self))

    def _text(self) -> str:
        """Return the id, the score and the centre of the box, such as "#3 0.91 at (120, 88)"."""
        track = "" if self.track_id == UNTRACKED else "#%d " % self.track_id
        x, y = (self.box_xyxy[:2] + self.box_xyxy[2:]) / 2
        return "%s%.2f at (%.0f, %.0f)" % (track, self.person_score, x, y)


def _rounded(value: float) -> Optional[float]:
    """Return a number with four decimals, None where it is not finite, for which JSON has no word."""
    return round(value, 4) if math.isfinite(value) else None


class Poses:
    """Hold the N people of one image, K keypoints each. It is a sequence of Pose, and cannot be changed.

    ``len(poses)`` is N, ``poses[0]`` and iteration give Pose; a slice, boolean mask (N,) or list of indices selects
    people. Pixels are those of the original image, with the origin at the centre of the top left pixel.

    Attributes:
        xy: (N, K, 2) float32 px.
        score: (N, K) float32 in 0..1, 0 = keypoint not found.
        box_xyxy: (N, 4) float32 px.
        person_score: (N,) float32 in 0..1.
        track_id: (N,) int32, UNTRACKED (-1) without tracking.
        state: (N,) uint8, NO_STATE, TENTATIVE, CONFIRMED or LOST.
        velocity: (N, K, 2) float32 px/s, 0 where it is not known.
        skeleton: the names and links of the keypoints, None where they are not known.
    """

    __slots__ = FIELDS + ("skeleton",)

    xy: np.ndarray
    score: np.ndarray
    box_xyxy: np.ndarray
    person_score: np.ndarray
    track_id: np.ndarray
    state: np.ndarray
    velocity: np.ndarray
    skeleton: Optional[Skeleton]

    def __init__(
        self,
        xy: np.ndarray,
        score: np.ndarray,
        box_xyxy: np.ndarray,
        person_score: np.ndarray,
        track_id: np.ndarray,
        state: np.ndarray,
        velocity: np.ndarray,
        skeleton: Optional[Skeleton] = None,
    ) -> None:
        """Take the arrays as they are; make_poses() converts and checks them."""
        assign = object.__setattr__
        assign(self, "xy", xy)
        assign(self, "score", score)
        assign(self, "box_xyxy", box_xyxy)
        assign(self, "person_score", person_score)
        assign(self, "track_id", track_id)
        assign(self, "state", state)
        assign(self, "velocity", velocity)
        assign(self, "skeleton", skeleton)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Poses cannot be changed: use poses.replace(%s=...), which returns new ones" % name)

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Poses cannot be changed")

    def __reduce__(self) -> Tuple[Any, ...]:
        return Poses, (*self._arrays(), self.skeleton)

    def _arrays(self) -> Tuple[np.ndarray, ...]:
        return self.xy, self.score, self.box_xyxy, self.person_score, self.track_id, self.state, self.velocity

    @property
    def count(self) -> int:
        """Return the number of people N, as len()."""
        return len(self.xy)

    def __len__(self) -> int:
        return len(self.xy)

    def __iter__(self) -> Iterator[Pose]:
        return (Pose(self, index) for index in range(len(self)))

    @overload
    def __getitem__(self, index: Union[int, "np.integer[Any]"]) -> Pose: ...

    @overload
    def __getitem__(self, index: Index) -> "Poses": ...

    def __getitem__(self, index: Union[int, "np.integer[Any]", Index]) -> Union[Pose, "Poses"]:
        """Return the Pose of an index, or the Poses of a slice, a boolean mask or a list of indices."""
        if isinstance(index, (int, np.integer)):
            return Pose(self, int(index))
        if isinstance(index, slice):
            return self.select(index)
        chosen = _index_array(index)
        return self.select(chosen) if chosen.ndim else Pose(self, int(chosen))

    def select(self, index: Index) -> "Poses":
        """Return the people of a slice, a boolean mask (N,) or an index array, in its order."""
        return _from_arrays([array[index] for array in self._arrays()], self.skeleton)

    def fields(self) -> Dict[str, np.ndarray]:
        """Return the arrays by their names, in the order of FIELDS; the skeleton is not among them."""
        return dict(zip(FIELDS, self._arrays()))

    def replace(self, **changes: Any) -> "Poses":
        """Return the same people with other arrays, or another skeleton.

        Raises:
            TypeError: a name is unknown, or the skeleton is no Skeleton.
            ValueError: an array has another shape than the one that it replaces, or the skeleton another K.
        """
        if not SLOTS.issuperset(changes):
            unknown = ", ".join(changes.keys() - SLOTS)
            raise TypeError("expected names out of %s, got %s" % (", ".join(self.__slots__), unknown))
        for name, array in changes.items():
            if name == "skeleton":
                _check_skeleton(array, self.score.shape[1])
                continue
            known = getattr(self, name)
            changes[name] = array = array if isinstance(array, np.ndarray) else np.asarray(array, known.dtype)
            if array.shape != known.shape:
                raise ValueError("expected %s of shape %s, got %s" % (name, known.shape, array.shape))
        arrays = [changes.get(name, array) for name, array in zip(FIELDS, self._arrays())]
        return _from_arrays(arrays, changes.get("skeleton", self.skeleton))

    def to_dict(self) -> Dict[str, Any]:
        """Return what json.dumps takes: the name of the skeleton, and the people as a list.

        Each person has "track_id" (None without tracking), "state" (one of STATE_NAMES), "person_score", "box_xyxy"
        (px), and "keypoints": [x, y, score] by the name of the joint, or a list of these without a skeleton. Numbers
        are rounded to four decimals, and None where they are not finite, which JSON cannot hold.
        """
        name = self.skeleton.name if self.skeleton else None
        return {"skeleton": name, "people": [person.to_dict() for person in self]}

    def to_coco(self, image_id: Union[int, "np.integer[Any]", str]) -> List[Dict[str, Any]]:
        """Return the people in COCO's results format for keypoints, with "track_id" where they are tracked.

        There is no "bbox", which would make pycocotools take them for boxes.
        """
        image_id = image_id if isinstance(image_id, str) else int(image_id)
        results = []
        for person in self:
            rows = zip(person.xy.tolist(), person.score.tolist())
            keypoints = [round(value, 4) for (x, y), score in rows for value in (x, y, score)]
            result: Dict[str, Any] = {"image_id": image_id, "category_id": 1, "keypoints": keypoints}
            result["score"] = round(person.person_score, 5)
            if person.track_id != UNTRACKED:
                result["track_id"] = person.track_id
            results.append(result)
        return results

    def __repr__(self) -> str:
        people = "1 person" if len(self) == 1 else "%d people" % len(self)
        name = " " + self.skeleton.name if self.skeleton else ""
        shown = ", ".join([person._text() for person in self[:MOST_SHOWN]] + ["..."] * (len(self) > MOST_SHOWN))
        return "Poses(%s, %d keypoints%s%s)" % (people, self.score.shape[1], name, shown and ": " + shown)


def empty_poses(num_keypoints: int, skeleton: Optional[Skeleton] = None) -> Poses:
    """Return poses of nobody, N = 0.

    Args:
        num_keypoints: K, the number of keypoints that a person would have.
        skeleton: skeleton of the K keypoints, None where it is not known.
    """
    nobody = np.zeros((0, num_keypoints, 2)), np.zeros((0, num_keypoints)), np.zeros((0, 4)), np.zeros(0)
    return make_poses(*nobody, skeleton=skeleton)


def make_poses(
    xy: np.ndarray,
    score: np.ndarray,
    box_xyxy: np.ndarray,
    person_score: np.ndarray,
    track_id: Optional[np.ndarray] = None,
    skeleton: Optional[Skeleton] = None,
) -> Poses:
    """Make poses of the documented dtypes, with unknown state and velocity.

    Args:
        xy: (N, K, 2) px.
        score: (N, K) in 0..1, 0 = keypoint not found.
        box_xyxy: (N, 4) px.
        person_score: (N,) in 0..1.
        track_id: (N,), None for people without tracking.
        skeleton: skeleton of the K keypoints, None where it is not known.

    Raises:
        TypeError: the skeleton is no Skeleton.
        ValueError: the shapes do not belong together, or the skeleton has another number of keypoints.
    """
    if np.ndim(score) != 2:
        raise ValueError("expected score of shape (N, K), got %s" % (np.shape(score),))
    count, keypoints = np.shape(score)
    _check_skeleton(skeleton, keypoints)
    if track_id is None:
        track_id = np.full(count, UNTRACKED)
    actual = [np.shape(a) for a in (xy, box_xyxy, person_score, track_id)]
    expected = [(count, keypoints, 2), (count, 4), (count,), (count,)]
    if actual != expected:
        raise ValueError("expected xy, box_xyxy, person_score, track_id of shapes %s, got %s" % (expected, actual))
    floats = [np.asarray(a, np.float32) for a in (xy, score, box_xyxy, person_score)]
    unknown = np.zeros(count, np.uint8), np.zeros((count, keypoints, 2), np.float32)
    return _from_arrays([*floats, np.asarray(track_id, np.int32), *unknown], skeleton)


def joined(*parts: Poses) -> Poses:
    """Return the people of all parts, one part after the other, with the first skeleton that is known.

    The arrays are those of a part where all others are empty.
    """
    skeleton = next((part.skeleton for part in parts if part.skeleton), None)
    arrays = [part._arrays() for part in parts if len(part)] or [parts[0]._arrays()]
    if len(arrays) == 1:
        return _from_arrays(list(arrays[0]), skeleton)
    return _from_arrays([np.concatenate(fields) for fields in zip(*arrays)], skeleton)


def shifted(poses: Poses, step: np.ndarray) -> Poses:
    """Return people moved as a whole, each by a step (N, 2) px."""
    offset = step.astype(np.float32)[:, None]
    box_xyxy = poses.box_xyxy.reshape(-1, 2, 2) + offset
    return poses.replace(xy=poses.xy + offset, box_xyxy=box_xyxy.reshape(-1, 4))


def _index_array(index: Any) -> np.ndarray:
    """Return the index of a person, a mask or a list of indices as an array of integers or bool."""
    try:
        array = np.asarray(index)
    except ValueError:  # lists of several lengths
        array = np.asarray(None)
    if array.ndim == 1 and not array.size and array.dtype != bool:
        return array.astype(int)
    if array.dtype.kind in "iu" and array.ndim < 2 or array.dtype == bool and array.ndim == 1:
        return array
    hint = ": a joint is poses[0][%s]" % shown(index) if isinstance(index, str) else ""
    what = shown(index) if isinstance(index, (float, list, tuple)) else described(index)
    raise TypeError("expected the index of a person, a slice, a mask or a list of indices, got %s%s" % (what, hint))


def _check_skeleton(skeleton: Optional[Skeleton], keypoints: int) -> None:
    if skeleton is None:
        return
    if not isinstance(skeleton, Skeleton):
        raise TypeError("expected skeleton to be a Skeleton or None, got %s" % described(skeleton))
    if skeleton.num_keypoints != keypoints:
        text = "expected a skeleton of %d keypoints, got %s with %d"
        raise ValueError(text % (keypoints, skeleton.name, skeleton.num_keypoints))


def _from_arrays(arrays: List[np.ndarray], skeleton: Optional[Skeleton]) -> Poses:
    xy, score, box_xyxy, person_score, track_id, state, velocity = arrays
    return Poses(xy, score, box_xyxy, person_score, track_id, state, velocity, skeleton)
