"""Compute the positions of joints in space from keypoints and an aligned depth image.

Depth images follow REP-118: 32FC1 in metres or 16UC1 in millimetres; 0, NaN and infinity mean that nothing was
measured. They are aligned with the colour image (same camera), of its size or scaled. A depth camera measures the skin;
the joint lies behind it by the thickness of the flesh there (SURFACE_M). Each joint is searched near the rest of the
person: depths that an arm or a leg cannot reach belong to the background or to an object in front, and depths near
another person belong to that person.
"""

from typing import Mapping, NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import apply, letterbox_matrix
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton

METRES_PER_UNIT = {"32FC1": 1.0, "16UC1": 0.001}
DTYPES = {"32FC1": np.float32, "16UC1": np.uint16}
# By the last word of a keypoint's name, for adults: distance from skin to joint, and the largest distance of the joint
# before or behind the person's middle.
SURFACE_M = {"shoulder": 0.06, "elbow": 0.045, "wrist": 0.03, "hip": 0.10, "knee": 0.06, "ankle": 0.045, "ear": 0.04}
REACH_M = {"shoulder": 0.4, "elbow": 0.6, "wrist": 0.9, "hip": 0.4, "knee": 0.7, "ankle": 0.9}
OTHER_SURFACE_M, OTHER_REACH_M = 0.02, 0.5
# Longest bones of tall adults (2.1 m) and a fifth more, from the trunk outwards. Source: R. Drillis and R. Contini,
# "Body Segment Parameters", 1966.
LONGEST_M = (
    ("shoulder", "elbow", 0.47), ("elbow", "wrist", 0.39), ("hip", "knee", 0.62), ("knee", "ankle", 0.62),
)  # fmt: skip
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
    """Hold the joints of N people in the camera's optical frame (x right, y down, z forward).

    A joint that was not found has NaN as position and covariance, because zero is a position: that of the camera.

    Attributes:
        position: (N, K, 3) float32 m.
        covariance: (N, K, 3, 3) float32 m^2.
        valid: (N, K) bool, False for joints that were not found.
    """

    position: np.ndarray
    covariance: np.ndarray
    valid: np.ndarray


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
    samples = _samples(poses, depth, METRES_PER_UNIT[encoding], camera, options)
    samples = np.where((samples >= options.nearest_m) & (samples <= options.farthest_m), samples, np.nan)
    surface_m = _foreground(samples, options)
    reach_m = np.array([_value_of_joint(REACH_M, name, OTHER_REACH_M) for name in skeleton.keypoints])
    middle_m = _middle(surface_m)
    plausible = np.abs(samples - middle_m[:, None, None]) <= reach_m[:, None]
    plausible &= ~_of_another_person(samples, middle_m, poses)
    surface_m = _foreground(np.where(plausible, samples, np.nan), options)
    flesh_m = np.array([_value_of_joint(SURFACE_M, name, OTHER_SURFACE_M) for name in skeleton.keypoints])
    rays = camera.unproject(poses.xy)
    # The flesh lies along the ray, which is longer than its z.
    z = surface_m + flesh_m / np.linalg.norm(rays, axis=-1)
    position = rays * z[..., None]
    position[~_limbs_fit(position, skeleton)] = np.nan
    valid = np.isfinite(position).all(-1)
    covariance = np.where(valid[..., None, None], _covariance(poses, rays, z, camera, options), np.nan)
    return Joints(np.where(valid[..., None], position, np.nan).astype(np.float32), covariance.astype(np.float32), valid)


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
    extent: np.ndarray = (poses.box_xyxy[:, 2:] - poses.box_xyxy[:, :2]).max(1)
    return extent


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


def _middle(surface_m: np.ndarray) -> np.ndarray:
    """Find the depth of most joints of each person: (N, K) m -> (N,) m, NaN where no depth is known.

    It is the densest place, not the median: a table before the legs must not pull the person halfway towards it.
    """
    with np.errstate(invalid="ignore"):
        support = (np.abs(surface_m[:, :, None] - surface_m[:, None]) <= OTHER_REACH_M / 2).sum(-1)
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


def _limbs_fit(position: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Tell which joints (N, K) are possible; an outer end of a limb longer than people's limbs is not."""
    fits: np.ndarray = np.isfinite(position).all(-1)
    index = {name: k for k, name in enumerate(skeleton.keypoints)}
    for side in ("left_", "right_"):
        for inner, outer, longest_m in LONGEST_M:
            if side + inner in index and side + outer in index:
                a, b = index[side + inner], index[side + outer]
                length_m = np.linalg.norm(position[:, a] - position[:, b], axis=-1)
                fits[:, b] &= ~(fits[:, a] & fits[:, b]) | (length_m <= longest_m)
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


def _value_of_joint(table: Mapping[str, float], name: str, default: float) -> float:
    return table.get(name.split("_")[-1], default)


def _nanmedian(values: np.ndarray) -> np.ndarray:
    """Compute the median of the finite values along the last axis, NaN without any; NumPy's function would warn."""
    ordered = np.sort(values, -1)
    count = np.isfinite(values).sum(-1)
    last = np.maximum(count - 1, 0)
    low, high = (np.take_along_axis(ordered, i[..., None], -1)[..., 0] for i in (last // 2, (last + 1) // 2))
    median: np.ndarray = np.where(count > 0, (low + high) / 2, np.nan)
    return median
