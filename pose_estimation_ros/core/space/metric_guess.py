"""Guess where people are from one calibrated camera without depth, and say how uncertain the guess is.

There are two ways. Where the plane of the ground is known, the rays of the ankles cut it a little above the ground:
that tells the distance of people who stand, walk or sit with their feet on that plane. Otherwise the size in the
image tells it, because adults are about equally tall (core.space.body_size). Both find how far away the person is;
the ray of the hips, or of the shoulders without hips, tells the direction.

A person of whom neither way tells enough has no position: one without feet in the image and with too few segments, or
any skeleton but that of a human body. The height is told only of people who stand upright on a known ground.

Source of the body height: NCD Risk Factor Collaboration, "A century of trends in adult human height", 2016,
doi:10.7554/eLife.13410: national means are 1.49 m to 1.70 m for women and 1.60 m to 1.83 m for men. Children are
smaller, and wherever the size in the image tells the distance they look farther away than they are.
"""

from typing import NamedTuple, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.body_size import (
    ANKLES_UP,
    HIPS_UP,
    KNEES_UP,
    Landmarks,
    Size,
    landmarks,
    measure,
    members,
)
from pose_estimation_ros.core.space.people_3d import FROM_GROUND, FROM_HEIGHT, NO_SOURCE, People3D, unknown_people
from pose_estimation_ros.core.space.rigid import Rigid

DOWN = (0.0, 1.0, 0.0)  # in the optical frame of a level camera
SMALLEST_PX = 16.0  # side of a box: the networks are not exact enough for smaller people
BORDER = 0.01  # of the image's longer side: a keypoint nearer to the border may belong outside
LIFT_M = 0.02  # mean height of people's soles above the ground while they stand and walk
STRIDE_M = 0.8  # largest distance between the ankles of people who walk
LEAST_CLEARANCE_M = 0.08  # of the camera above the ankles: below, a foot in the air is seen from below
LEAST_LEVEL = 0.2  # part of a ray along the ground without which feet tell no distance
LEG = HIPS_UP - ANKLES_UP
HIP_NOISE = 1.5  # of the hips' keypoints, as a multiple of that of all: nothing on the skin marks them
BODY_M = 0.05  # standard deviation of the body's middle around the point that is seen
POSSIBLE_M = (0.75, 2.2)  # heights of people
UPRIGHT = (("hips", HIPS_UP, 0.08), ("knees", KNEES_UP, 0.2))  # height of a share, and how far it may be off it
TELLING_M = 0.08  # largest standard deviation of a height that is told


class GuessOptions(NamedTuple):
    """Hold what guess_positions() assumes. "Box side" is the longer side of the person's box.

    Attributes:
        height_m: mean body height of people.
        height_sigma_m: standard deviation of their heights.
        pixel_sigma: standard deviation of a keypoint, in box sides.
        tilt_sigma_rad: standard deviation of the direction in which the camera looks, against the ground.
        foot_sigma_m: standard deviation of an ankle's height above the ground: feet are lifted, soles are thick.
        largest_size_sigma: largest standard deviation of a distance that the size in the image tells, as a share of it.
        largest_feet_sigma: likewise of a distance that the feet tell; the size tells it where theirs is larger.
    """

    height_m: float = 1.68
    height_sigma_m: float = 0.10
    pixel_sigma: float = 0.024
    tilt_sigma_rad: float = 0.0175
    foot_sigma_m: float = 0.05
    largest_size_sigma: float = 0.3
    largest_feet_sigma: float = 0.2


class Ground(NamedTuple):
    """Hold the plane on which people stand, in the camera's optical frame.

    Attributes:
        up: (3,) float64, unit vector across the plane, away from the ground.
        camera_up_m: height of the camera above the plane.
    """

    up: np.ndarray
    camera_up_m: float


def ground_plane(camera_to_ground: Rigid) -> Ground:
    """Return the x-y plane of a frame whose z axis points up, such as REP-120's base_footprint.

    Args:
        camera_to_ground: from the camera's optical frame to that frame.
    """
    return Ground(camera_to_ground.rotation[2], float(camera_to_ground.translation[2]))


class _Told(NamedTuple):
    """Hold what one way tells about N people.

    Attributes:
        z: (N,) depth along the optical axis, m; NaN where it tells nothing.
        sigma: (N,) standard deviation of z, m.
    """

    z: np.ndarray
    sigma: np.ndarray


class _Seen(NamedTuple):
    """Hold what the image shows of N people, in the plane one metre before the camera.

    Attributes:
        body: landmarks.
        rays: (N, 3) of the hips, or of the shoulders without them; z is 1.
        noise: (N,) standard deviation of a keypoint.
        number: (N,) number of joints that tell the ray.
    """

    body: Landmarks
    rays: np.ndarray
    noise: np.ndarray
    number: np.ndarray


def guess_positions(
    poses: Poses,
    camera: Camera,
    skeleton: Skeleton,
    ground: Optional[Ground] = None,
    options: GuessOptions = GuessOptions(),  # noqa: B008
    down: Tuple[float, float, float] = DOWN,
) -> People3D:
    """Guess the positions of people without depth; the module describes the method.

    Args:
        poses: N people, in pixels of the image.
        camera: camera of the image.
        skeleton: with K keypoints.
        ground: the plane on which people stand, None where it is not known.
        options: see GuessOptions.
        down: roughly where the feet of a standing person are below the head, a unit vector in the camera's optical
            frame; the ground tells it better.

    Returns:
        The people in the camera's optical frame, without velocity. The source is FROM_GROUND, FROM_HEIGHT, or NO_SOURCE
        where nothing tells the position.
    """
    if members(skeleton) is None or not poses.count:
        return unknown_people(poses.count)
    sides = _box_sides(poses, camera)
    seen = _look(poses, camera, skeleton, options.pixel_sigma * sides)
    size = measure(seen.body, seen.noise, sides, -np.array(down) if ground is None else ground.up)
    told = _by_size(size, options)
    by_feet, height_m = _Told(np.full(poses.count, np.nan), told.sigma), np.full(poses.count, np.nan)
    if ground is not None:
        by_feet = _by_feet(seen, size, ground, options)
        height_m = _heights(seen, by_feet, ground, options)
    stands = np.isfinite(by_feet.z)
    z, sigma = np.where(stands, by_feet.z, told.z), np.where(stands, by_feet.sigma, told.sigma)
    position = seen.rays * z[:, None]
    known = np.isfinite(position).all(1)
    source = np.where(known, np.where(stands, FROM_GROUND, FROM_HEIGHT), NO_SOURCE).astype(np.uint8)
    covariance = np.where(known[:, None, None], _covariance(seen, z, sigma), np.nan)
    return unknown_people(poses.count)._replace(
        position=np.where(known[:, None], position, np.nan),
        position_covariance=covariance,
        height=height_m,
        source=source,
    )


def _box_sides(poses: Poses, camera: Camera) -> np.ndarray:
    """Return the longer side (N,) of each person's box inside the image, in the plane one metre before the camera."""
    longest_px = float(max(camera.size_wh))
    box = np.where(np.isnan(poses.box_xyxy), 0.0, poses.box_xyxy).clip(0.0, longest_px)
    focal_px = np.sqrt(camera.matrix[0, 0] * camera.matrix[1, 1])
    sides: np.ndarray = (box[:, 2:] - box[:, :2]).max(1).clip(SMALLEST_PX, None) / focal_px
    return sides


def _look(poses: Poses, camera: Camera, skeleton: Skeleton, noise: np.ndarray) -> _Seen:
    """Return what the image shows; keypoints at the border do not count, because the joint may be outside."""
    margin = BORDER * max(camera.size_wh)
    high = np.array(camera.size_wh) - 1 - margin
    with np.errstate(invalid="ignore"):
        inside = np.all((poses.xy >= margin) & (poses.xy <= high), axis=-1)
    xy = np.where(inside[..., None], poses.xy, np.nan)
    body = landmarks(camera.unproject(xy)[..., :2], inside & (poses.score > 0), skeleton)
    hips, shoulders = body.at("hips"), body.at("shoulders")
    without = np.isnan(hips).any(1)
    rays = np.concatenate([np.where(without[:, None], shoulders, hips), np.ones((poses.count, 1))], 1)
    numbers = body.numbers("hips"), body.numbers("shoulders")
    return _Seen(body, rays, noise, np.where(without, numbers[1], numbers[0]))


def _by_size(size: Size, options: GuessOptions) -> _Told:
    """Tell the depth from the size in the image and the usual body height."""
    relative = np.hypot(size.sigma, options.height_sigma_m / options.height_m)
    with np.errstate(invalid="ignore"):
        z = np.where(relative <= options.largest_size_sigma, options.height_m * np.exp(-size.log), np.nan)
    return _Told(z, np.hypot(z * relative, BODY_M))


def _by_feet(seen: _Seen, size: Size, ground: Ground, options: GuessOptions) -> _Told:
    """Tell the depth from the place where the feet stand on the ground."""
    feet, relative = _feet(seen, size, ground, options)
    level, feet = _level(seen.rays, ground.up), _level(feet, ground.up)
    length2 = (level**2).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (feet * level).sum(-1) / length2  # of the point on the hips' ray that is nearest to the feet's vertical
        aside = np.linalg.norm(feet - z[:, None] * level, axis=-1)
        hips_m = ground.camera_up_m + z * (seen.rays @ ground.up)
        height_m = z * np.exp(size.log)
        # Hips are at most as far behind or before the feet as straight legs allow; the half of that is usual.
        lean = np.sqrt(np.maximum((LEG * height_m) ** 2 - (hips_m - ANKLES_UP * height_m) ** 2, 0)) / 2
        sigma = np.sqrt((z * relative) ** 2 + (lean**2 + BODY_M**2) / length2)
        # Feet that seem nearer than the person's size suggests must be exact enough at that distance, too. Else, of
        # people who are far away, those would be told whose feet were found at a wrong place.
        farther = np.maximum(options.height_m / height_m, 1)
        good = (length2 >= LEAST_LEVEL**2) & (aside <= STRIDE_M) & (z > 0)
        good &= farther * sigma <= options.largest_feet_sigma * z
        good &= (height_m >= POSSIBLE_M[0]) & (height_m <= POSSIBLE_M[1])
    return _Told(np.where(good, z, np.nan), sigma)


def _feet(seen: _Seen, size: Size, ground: Ground, options: GuessOptions) -> Tuple[np.ndarray, np.ndarray]:
    """Cut the ankles' rays with the plane of the ankles.

    Returns:
        The middle of both ankles (N, 3) m, or the one that is seen. If they are too far apart, one was not found where
        it is: then the one that suits the size in the image. And the standard deviation (N,) of its distance, as a
        share.
    """
    above_m = ground.camera_up_m - ANKLES_UP * options.height_m - LIFT_M
    ankles = np.stack([seen.body.at("left ankle"), seen.body.at("right ankle")], 1)
    rays = np.concatenate([ankles, np.ones_like(ankles[..., :1])], -1)
    fall = -rays @ ground.up
    with np.errstate(invalid="ignore", divide="ignore"):
        feet = np.where((fall > 0)[..., None], rays * (above_m / fall)[..., None], np.nan)
        share = np.hypot(seen.noise[:, None] / fall, options.foot_sigma_m / above_m)
        far_m = np.linalg.norm(_level(feet, ground.up), axis=-1)
        usual_m = options.height_m * np.exp(-size.log) * np.linalg.norm(_level(seen.rays, ground.up), axis=-1)
        unusual = np.abs(np.log(far_m / usual_m[:, None]))
        apart_m = np.linalg.norm(feet[:, 0] - feet[:, 1], axis=-1)
    known = np.isfinite(feet).all(-1)
    wrong = np.stack([unusual[:, 0] > unusual[:, 1], unusual[:, 0] <= unusual[:, 1]], 1)
    known &= ~(wrong & (apart_m > STRIDE_M)[:, None])
    count = known.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.where(known[..., None], feet, 0.0).sum(1) / count[:, None]
        far_m = np.linalg.norm(_level(middle, ground.up), axis=-1)
        independent = np.sqrt(np.where(known, share**2, 0.0).sum(1)) / count
        tilt = options.tilt_sigma_rad * (far_m / above_m + above_m / far_m)
        relative = np.hypot(independent, tilt)
    return middle, np.where(above_m >= LEAST_CLEARANCE_M, relative, np.nan)


def _heights(seen: _Seen, told: _Told, ground: Ground, options: GuessOptions) -> np.ndarray:
    """Tell the heights (N,) m of people who stand upright: their hips and knees are as high as their heads suggest."""
    level = _level(seen.rays, ground.up)
    feet = told.z[:, None] * level  # above the ground there
    with np.errstate(invalid="ignore", divide="ignore"):
        ups = {name: _up(seen.body.at(name), feet, ground) for name in ("head", "hips", "knees")}
        height_m = ups["head"] / seen.body.head_up
        angle = np.hypot(seen.noise / np.sqrt(seen.body.numbers("head")), options.tilt_sigma_rad)
        # A wrong tilt moves the feet and the head to the same side, so the two parts add up.
        sigma_m = told.sigma / told.z * np.abs(ups["head"] - ground.camera_up_m) + told.z * angle
        good = (sigma_m <= TELLING_M) & (height_m >= POSSIBLE_M[0]) & (height_m <= POSSIBLE_M[1])
        for name, share, tolerance in UPRIGHT:
            good &= np.abs(ups[name] / (share * height_m) - 1) <= tolerance
    return np.where(good, height_m, np.nan)


def _up(place: np.ndarray, feet: np.ndarray, ground: Ground) -> np.ndarray:
    """Return how high (N,) m above the ground the rays of landmarks (N, 2) pass the verticals of the feet (N, 3)."""
    rays = np.concatenate([place, np.ones((len(place), 1))], 1)
    level = _level(rays, ground.up)
    z = (feet * level).sum(-1) / (level**2).sum(-1)
    height_m: np.ndarray = ground.camera_up_m + z * (rays @ ground.up)
    return height_m


def _level(vectors: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the part of vectors (..., 3) along the ground."""
    part: np.ndarray = vectors - (vectors @ up)[..., None] * up
    return part


def _covariance(seen: _Seen, z: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Compute covariances (N, 3, 3) m^2: sigma along the rays, and across them the noise and the size of the hips."""
    across = (z * HIP_NOISE * seen.noise) ** 2 / np.maximum(seen.number, 1) + BODY_M**2
    along = seen.rays * sigma[:, None]
    covariance: np.ndarray = along[:, :, None] * along[:, None] + across[:, None, None] * np.diag([1.0, 1.0, 0.0])
    return covariance
