"""Compute the positions of joints in space from keypoints and an aligned depth image.

Depth images follow REP-118: 32FC1 in metres or 16UC1 in millimetres; 0, NaN and infinity mean that nothing was
measured. They are aligned with the colour image (same camera), of its size or scaled. A depth camera measures the skin;
the joint lies behind it by the thickness of the flesh there (SURFACE_M). Each joint is searched near the rest of the
person: depths that an arm or a leg cannot reach belong to the background or to an object in front, and depths near
another person belong to that person.

Limits in m are those of human bodies, which have a shoulder or hip and a wrist or ankle by their names. All others,
such as hands and animals, reach as far to the front and the back as their keypoints do across the image. The points of
a face, and those of each hand, are also near one another.
"""

import functools
from typing import Dict, List, NamedTuple, Tuple, Union

import numpy as np

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import apply, boxes_around, letterbox_matrix
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton, words_of

METRES_PER_UNIT = {"32FC1": 1.0, "16UC1": 0.001}
DTYPES = {"32FC1": np.float32, "16UC1": np.uint16}
FINGERS = ("thumb", "forefinger", "finger", "index", "middle", "ring", "pinky", "little")
# By the part of the body that a keypoint's name tells, for adults: distance from skin to joint, and the largest
# distance of the joint before or behind the person's middle.
SURFACE_M: Dict[str, float] = {
    "shoulder": 0.06, "elbow": 0.045, "wrist": 0.03, "hip": 0.10, "pelvis": 0.10, "knee": 0.06, "ankle": 0.045,
    "heel": 0.03, "toe": 0.01, "ear": 0.04, "face": 0.0, **dict.fromkeys(FINGERS, 0.01),
}  # fmt: skip
REACH_M: Dict[str, float] = {
    "shoulder": 0.4, "elbow": 0.6, "wrist": 0.9, "hip": 0.4, "pelvis": 0.4, "knee": 0.7, "ankle": 0.9, "heel": 0.9,
    "toe": 1.1, **dict.fromkeys(FINGERS, 1.1),
}  # fmt: skip
OTHER_SURFACE_M, OTHER_REACH_M = 0.02, 0.5
FACE_REACH_M, HAND_REACH_M = 0.15, 0.2  # largest distance of their points before or behind the middle of face or hand
# Longest bones, hands and feet of tall adults (2.1 m) and a fifth more, from the trunk outwards. Source: R. Drillis and
# R. Contini, "Body Segment Parameters", 1966.
LONGEST_M = (
    ("shoulder", "elbow", 0.47), ("elbow", "wrist", 0.39), ("hip", "knee", 0.62), ("knee", "ankle", 0.62),
    ("ankle", "heel", 0.2), ("ankle", "toe", 0.38), *(("wrist", finger, 0.27) for finger in FINGERS),
)  # fmt: skip
SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
GRID = 7  # samples along each side of a joint's window


class DepthOptions(NamedTuple):
    """Hold the settings of joints_in_space. "Box side" is the longer side of the person's box.

    Attributes:
        window: half side of the square in which a joint's depth is searched, in box sides.
        band_m: thickness of what counts as one surface.
        support: share of the window that a surface must fill, 0..1.
        nearest_m: smallest depth that the sensor measures.
        farthest_m: largest depth that the sensor measures.
        pixel_sigma: standard deviation of a keypoint, in box sides.
        depth_sigma: (a, b) of the sensor's standard deviation a + b z^2, m.
    """

    window: float = 0.02
    band_m: float = 0.12
    support: float = 0.2
    nearest_m: float = 0.2
    farthest_m: float = 10.0
    pixel_sigma: float = 0.03
    depth_sigma: Tuple[float, float] = (0.002, 0.002)


class Joints(NamedTuple):
    """Hold the joints of N people in one frame: that of the camera (x right, y down, z forward) or another.

    A joint that was not found has NaN as position and covariance, because zero is a position: that of the camera.

    Attributes:
        position: (N, K, 3) float32 m.
        covariance: (N, K, 3, 3) float32 m^2.
        valid: (N, K) bool, False for joints that were not found.
    """

    position: np.ndarray
    covariance: np.ndarray
    valid: np.ndarray

    def select(self, index: np.ndarray) -> "Joints":
        """Return the joints of the people of a mask (N,) or of indices."""
        return Joints(*(values[index] for values in self))


def unknown_joints(count: int, keypoints: int) -> Joints:
    """Return the joints of people of whom no joint is known in space.

    Args:
        count: N, number of people.
        keypoints: K, number of keypoints of each.
    """
    position = np.full((count, keypoints, 3), np.nan, np.float32)
    covariance = np.full((count, keypoints, 3, 3), np.nan, np.float32)
    return Joints(position, covariance, np.zeros((count, keypoints), bool))


class _Body(NamedTuple):
    """Hold what a skeleton's names tell about its K joints.

    Attributes:
        human: whether the limits of a human body hold.
        main: indices of the joints that tell where the body is; those of faces and hands are many, but do not.
        surface_m: (K,) distance from skin to joint.
        reach_m: (K,) largest distance before or behind the person's middle; of a human.
        groups: indices of a face or hand, and the largest distance before or behind its middle.
        limbs: index of the inner end, indices of the outer ends, and the largest length in m.
    """

    human: bool
    main: np.ndarray
    surface_m: np.ndarray
    reach_m: np.ndarray
    groups: List[Tuple[np.ndarray, float]]
    limbs: List[Tuple[int, np.ndarray, float]]


def joints_in_space(
    poses: Poses,
    depth: np.ndarray,
    encoding: str,
    camera: Camera,
    skeleton: Skeleton,
    options: DepthOptions = DepthOptions(),  # noqa: B008
) -> Joints:
    """Compute the positions of the people's keypoints from a depth image; the module describes the method.

    Args:
        poses: N people, in pixels of the colour image.
        depth: (H, W) float32 m or uint16 mm.
        encoding: "32FC1" or "16UC1".
        camera: camera of the colour image.
        skeleton: with K keypoints.
        options: see DepthOptions.

    Raises:
        FrameError: kind "depth_encoding" or "depth_size", if the image is no aligned depth image.
    """
    check_depth(depth, encoding, camera)
    body = _describe(skeleton)
    samples = _samples(poses, depth, METRES_PER_UNIT[encoding], camera, options)
    samples = np.where((samples >= options.nearest_m) & (samples <= options.farthest_m), samples, np.nan)
    surface_m = _plausible_surface(samples, poses, camera, body, options)
    rays = camera.unproject(poses.xy)
    # The flesh lies along the ray, which is longer than its z.
    z = surface_m + body.surface_m / np.linalg.norm(rays, axis=-1)
    position = rays * z[..., None]
    position[~_limbs_fit(position, body)] = np.nan
    valid = np.isfinite(position).all(-1)
    covariance = np.where(valid[..., None, None], _covariance(poses, rays, z, camera, options), np.nan)
    return Joints(np.where(valid[..., None], position, np.nan).astype(np.float32), covariance.astype(np.float32), valid)


def _plausible_surface(
    samples: np.ndarray, poses: Poses, camera: Camera, body: _Body, options: DepthOptions
) -> np.ndarray:
    """Find the surface of each joint out of depths (N, K, S) m that belong to the person: (N, K) m, NaN for none."""
    surface_m = _foreground(samples, options)
    if body.human:
        middle_m, reach_m = _middle(surface_m[:, body.main], OTHER_REACH_M / 2), body.reach_m
        middle_m = np.where(np.isfinite(middle_m), middle_m, _middle(surface_m, OTHER_REACH_M / 2))
    else:
        extent = _largest_side(boxes_around(poses.xy, poses.score, 0.0)) / camera.matrix[0, 0]  # at a distance of 1 m
        middle_m = _middle(surface_m, np.maximum(extent[:, None] * surface_m, options.band_m)[..., None] / 2)
        reach_m = np.maximum(extent * middle_m, options.band_m)[:, None]
    plausible = np.abs(samples - middle_m[:, None, None]) <= reach_m[..., None]
    plausible &= ~_of_another_person(samples, middle_m, poses)
    samples = np.where(plausible, samples, np.nan)
    surface_m = _foreground(samples, options)
    for group, group_reach_m in body.groups:
        middle_m = _middle(surface_m[:, group], group_reach_m / 2)
        near = np.abs(samples[:, group] - middle_m[:, None, None]) <= group_reach_m
        surface_m[:, group] = _foreground(np.where(near, samples[:, group], np.nan), options)
    return surface_m


@functools.lru_cache(maxsize=8)
def _describe(skeleton: Skeleton) -> _Body:
    """Return what the names of the keypoints tell; a name that tells nothing gets the limits of other joints."""
    sides, parts = zip(*map(side_and_part, skeleton.keypoints))
    human = is_human(skeleton)
    known = [part if human or part in FINGERS + ("wrist",) else "" for part in parts]
    joints: Dict[Tuple[str, str], List[int]] = {}
    fingers: Dict[str, List[int]] = {}
    for k, (side, part) in enumerate(zip(sides, known)):
        joints.setdefault((side, part), []).append(k)
        if part in FINGERS:
            fingers.setdefault(side, []).append(k)
    faces = [(np.array(members), FACE_REACH_M) for (_, part), members in joints.items() if part == "face"]
    hands = [(np.array(members), HAND_REACH_M) for members in fingers.values()]
    return _Body(
        human=human,
        main=np.array([k for k, part in enumerate(known) if part not in FINGERS + ("face",)]),
        surface_m=np.array([SURFACE_M.get(part, OTHER_SURFACE_M) for part in known]),
        reach_m=np.array([REACH_M.get(part, OTHER_REACH_M) for part in known]),
        groups=faces + hands if human else [],
        limbs=[
            (joints[side, inner][0], np.array(joints[side, outer]), longest_m)
            for inner, outer, longest_m in LONGEST_M
            for side in sorted(set(sides))
            if (side, inner) in joints and (side, outer) in joints
        ],
    )


def is_human(skeleton: Skeleton) -> bool:
    """Tell whether the names of the keypoints are those of a human body."""
    parts = {side_and_part(name)[1] for name in skeleton.keypoints}
    return bool({"shoulder", "hip"} & parts) and bool({"wrist", "ankle"} & parts)


def side_and_part(name: str) -> Tuple[str, str]:
    """Return the side, "" for none, and the part of the body that a name tells: "left_big_toe" -> left, toe."""
    words = [word.rstrip("0123456789") for word in words_of(name)]
    side = next((SIDES[word] for word in words if word in SIDES), "")
    rest = [word for word in words if word and word not in SIDES]
    return side, "wrist" if rest[-2:] == ["hand", "root"] else "".join(rest[-1:])


def check_depth(depth: np.ndarray, encoding: str, camera: Camera) -> None:
    """Check that a depth image is aligned with the colour image.

    Args:
        depth: (H, W) float32 m or uint16 mm.
        encoding: "32FC1" or "16UC1".
        camera: camera of the colour image.

    Raises:
        FrameError: kind "depth_encoding" (wrong encoding, dtype or shape) or "depth_size" (wrong aspect ratio).
    """
    if encoding not in DTYPES or depth.ndim != 2 or depth.dtype != DTYPES[encoding]:
        problem = "expected 32FC1 (float32) or 16UC1 (uint16) of one channel, got %r with %s %s"
        raise FrameError("depth_encoding", problem % (encoding, depth.dtype, depth.shape))
    (height, width), (full_width, full_height) = depth.shape, camera.size_wh
    # A difference of one pixel is rounding, not another shape.
    if not depth.size or abs(width * full_height - height * full_width) > max(full_width, full_height):
        problem = "expected the shape of the colour image, %dx%d or scaled, got %dx%d"
        raise FrameError("depth_size", problem % (full_width, full_height, width, height))


def _samples(
    poses: Poses, depth: np.ndarray, metres_per_unit: float, camera: Camera, options: DepthOptions
) -> np.ndarray:
    """Return depths (N, K, GRID^2) m around the keypoints; NaN outside the image and for keypoints with score 0."""
    half_px = np.maximum(options.window * _extent(poses), 1)
    offsets = np.stack(np.meshgrid(*[np.linspace(-1, 1, GRID)] * 2), -1).reshape(-1, 2)
    xy = poses.xy[:, :, None] + half_px[:, None, None, None] * offsets
    to_depth = letterbox_matrix(camera.size_wh, depth.shape[::-1])
    xy = np.where(np.isfinite(xy), xy, -1e6)
    column, row = np.moveaxis(np.rint(apply(to_depth, xy)), -1, 0).clip(-1, 2**30).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < depth.shape[1]) & (row < depth.shape[0])
    values = depth[np.where(inside, row, 0), np.where(inside, column, 0)].astype(np.float64) * metres_per_unit
    return np.where(inside & (poses.score > 0)[..., None] & np.isfinite(values), values, np.nan)


def _extent(poses: Poses) -> np.ndarray:
    """Return the longer side of each person's box (N,) px, a person's height also if the camera is turned."""
    return _largest_side(poses.box_xyxy)


def _largest_side(box_xyxy: np.ndarray) -> np.ndarray:
    side: np.ndarray = (box_xyxy[:, 2:] - box_xyxy[:, :2]).max(1)
    return side


def _foreground(samples: np.ndarray, options: DepthOptions) -> np.ndarray:
    """Find the nearest surface that fills enough of each window: (N, K, S) m -> (N, K) m, NaN where there is none.

    The window of a thin limb before a wall shows more wall than limb, so the most frequent depth would be wrong.
    """
    least = int(np.ceil(options.support * samples.shape[-1]))
    ordered = np.sort(samples, -1)  # NaN last
    with np.errstate(invalid="ignore"):
        dense = ordered[..., least - 1 :] - ordered[..., : ordered.shape[-1] - least + 1] <= options.band_m
        start = np.take_along_axis(ordered, dense.argmax(-1)[..., None], -1)
        members = dense.any(-1)[..., None] & (ordered >= start) & (ordered <= start + options.band_m)
    return _nanmedian(np.where(members, ordered, np.nan))


def _middle(surface_m: np.ndarray, near_m: Union[float, np.ndarray]) -> np.ndarray:
    """Find the depth of most joints of each person: (N, K) m -> (N,) m, NaN where no depth is known.

    It is the densest place, not the median: a table before the legs must not pull the person halfway towards it. Joints
    are dense where many of the others are at most near_m, a number or (N, K, 1), before or behind them.
    """
    with np.errstate(invalid="ignore"):
        support = (np.abs(surface_m[:, :, None] - surface_m[:, None]) <= near_m).sum(-1)
        best = (support == support.max(1, initial=1)[:, None]) & np.isfinite(surface_m)
    return _nanmedian(np.where(best, surface_m, np.nan))


def _of_another_person(samples: np.ndarray, middle_m: np.ndarray, poses: Poses) -> np.ndarray:
    """Tell which samples (N, K, S) are nearer to another person, who is in front and whose box holds the keypoint."""
    x, y = poses.xy[..., None, 0], poses.xy[..., None, 1]
    left, top, right, bottom = poses.box_xyxy.T
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)  # (N, K, M)
    with np.errstate(invalid="ignore"):
        inside &= (middle_m < middle_m[:, None])[:, None]
        edge_m = np.where(inside, (middle_m + middle_m[:, None])[:, None] / 2, -np.inf).max(-1, initial=-np.inf)
        nearer: np.ndarray = samples < edge_m[..., None]
    return nearer


def _limbs_fit(position: np.ndarray, body: _Body) -> np.ndarray:
    """Tell which joints (N, K) are possible; an outer end of a limb longer than people's limbs is not."""
    fits: np.ndarray = np.isfinite(position).all(-1)
    for inner, outer, longest_m in body.limbs:
        length_m = np.linalg.norm(position[:, [inner]] - position[:, outer], axis=-1)
        with np.errstate(invalid="ignore"):
            fits[:, outer] &= ~fits[:, [inner]] | (length_m <= longest_m)
    return fits


def _covariance(poses: Poses, rays: np.ndarray, z: np.ndarray, camera: Camera, options: DepthOptions) -> np.ndarray:
    """Compute covariances (N, K, 3, 3) m^2 of rays * z.

    The noise of the keypoint is across the ray; the noise of the sensor and the thickness of the surface are along it.
    """
    pixel_px = options.pixel_sigma * _extent(poses)[:, None]
    a, b = options.depth_sigma
    depth_m = np.hypot(a + b * z * z, options.band_m / 4)
    across = np.zeros(z.shape + (3, 2))
    across[..., 0, 0], across[..., 1, 1] = z * pixel_px / camera.matrix[0, 0], z * pixel_px / camera.matrix[1, 1]
    along = (rays * depth_m[..., None])[..., None]
    root = np.concatenate([across, along], -1)
    covariance: np.ndarray = root @ np.swapaxes(root, -1, -2)
    return covariance


def _nanmedian(values: np.ndarray) -> np.ndarray:
    """Compute the median of the finite values along the last axis, NaN without any; NumPy's function would warn."""
    ordered = np.sort(values, -1)
    count = np.isfinite(values).sum(-1)
    last = np.maximum(count - 1, 0)
    low, high = (np.take_along_axis(ordered, i[..., None], -1)[..., 0] for i in (last // 2, (last + 1) // 2))
    median: np.ndarray = np.where(count > 0, (low + high) / 2, np.nan)
    return median
