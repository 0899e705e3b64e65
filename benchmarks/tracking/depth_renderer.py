"""Render depth images of people whose joints are known exactly, by ray casting.

People are capsules around their bones; the scene has a wall, a floor and boxes. Depth is the distance along the optical
axis, as in the images of depth cameras. All coordinates are in the camera's optical frame, in m.
"""

import numpy as np

from pose_estimation_ros.core.skeleton import get_skeleton

COCO = get_skeleton("coco17")
LIMB_RADIUS_M = {"ankle-knee": 0.05, "knee-hip": 0.075, "shoulder-elbow": 0.05, "elbow-wrist": 0.035}
TRUNK_RADIUS_M, HEAD_RADIUS_M = 0.11, 0.10
INSET = 0.5  # the sides of the trunk begin half-way between neck and shoulders
WALL_M, FLOOR_M = 6.0, 1.2


def capsules(joints, girth=1.0):
    """Return the capsules of a person's limbs, trunk, neck and head.

    Args:
        joints: (17, 3) m.
        girth: Factor of all radii.

    Returns:
        One end (C, 3), the other end (C, 3) and the radius (C,) of each capsule, m.
    """
    at = dict(zip(COCO.keypoints, joints))  # noqa: B905
    parts = []
    shoulders = (at["left_shoulder"] + at["right_shoulder"]) / 2
    hips = (at["left_hip"] + at["right_hip"]) / 2
    for side in ("left_", "right_"):
        for bone, radius in LIMB_RADIUS_M.items():
            start, end = bone.split("-")
            parts.append((at[side + start], at[side + end], radius))
        parts.append((INSET * shoulders + (1 - INSET) * at[side + "shoulder"], at[side + "hip"], TRUNK_RADIUS_M))
    head = (at["left_ear"] + at["right_ear"]) / 2
    parts += [(shoulders, hips, TRUNK_RADIUS_M), (shoulders, head, 0.06), (head, head, HEAD_RADIUS_M)]
    starts, ends, radii = ([part[i] for part in parts] for i in range(3))
    return np.array(starts), np.array(ends), girth * np.array(radii)


def render(people, camera, boxes=(), girth=1.0, wall_m=WALL_M, floor_m=FLOOR_M):
    """Render people, boxes, a wall and a floor.

    Args:
        people: Joints (P, 17, 3), m.
        camera: The Camera whose image is rendered.
        boxes: (low corner, high corner) of each box, m, parallel to the axes.
        girth: Factor of the radii of all bodies.
        wall_m: Distance of the wall.
        floor_m: Height of the camera above the floor.

    Returns:
        Depth (H, W) float32, m.
    """
    width, height = camera.size_wh
    rays = camera.unproject(np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(rays[..., 1] > 0, floor_m / rays[..., 1], np.inf)
        depth = np.minimum(floor, wall_m)
        for low, high in boxes:
            depth = np.minimum(depth, _box_depth(rays, np.array(low, float), np.array(high, float)))
        for joints in people:
            for start, end, radius in zip(*capsules(joints, girth)):  # noqa: B905
                _draw_capsule(depth, rays, camera, start, end, radius)
    return depth.astype(np.float32)


def _draw_capsule(depth, rays, camera, start, end, radius):
    """Lower the depth in place where the capsule is nearer; only the pixels around it are computed."""
    corners = np.array(
        [p + radius * np.array([x, y, -1]) for p in (start, end) for x in (-1.5, 1.5) for y in (-1.5, 1.5)]
    )
    xy = camera.project(corners)
    low = np.clip(np.floor(xy.min(0)), 0, camera.size_wh).astype(int)
    high = np.clip(np.ceil(xy.max(0)) + 1, 0, camera.size_wh).astype(int)
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    if depth[part].size:
        depth[part] = np.minimum(depth[part], _capsule_depth(rays[part], start, end, radius))


def _capsule_depth(rays, start, end, radius):
    """Return z of the first point of the capsule on each ray, inf where the ray misses it.

    The rays (..., 3) have z = 1 and begin at the origin. A capsule is the union of a cylinder's side and two balls;
    the nearest of their points is visible.
    """
    axis = end - start
    length2 = max(float(axis @ axis), 1e-12)
    along_ray, along_start = rays @ axis / length2, start @ axis / length2
    hit = _first_root(rays - along_ray[..., None] * axis, start - along_start * axis, radius)
    part = hit * along_ray - along_start
    side = np.where((part >= 0) & (part <= 1), hit, np.inf)
    return np.minimum(side, np.minimum(_first_root(rays, start, radius), _first_root(rays, end, radius)))


def _first_root(rays, centre, radius):
    """Return the smaller t > 0 with |t ray - centre| = radius, inf where there is none."""
    a, b = (rays**2).sum(-1), (rays * centre).sum(-1)
    inside = b * b - a * ((centre**2).sum(-1) - radius**2)
    root = (b - np.sqrt(np.maximum(inside, 0))) / np.maximum(a, 1e-12)
    return np.where((inside >= 0) & (root > 0), root, np.inf)


def _box_depth(rays, low, high):
    """Return z where rays enter the box, inf where they miss it, by the slab method."""
    near, far = low / rays, high / rays
    enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
    return np.where((enter <= leave) & (enter > 0), enter, np.inf)


def sensor(depth, random, noise=(0.002, 0.002), holes=0.05):
    """Give an exact depth image the faults of a depth camera.

    Args:
        depth: (H, W) exact depth, m.
        random: numpy.random.RandomState.
        noise: a and b of the noise's standard deviation a + b depth^2, m.
        holes: Share of the pixels without a value; those at edges have none either.

    Returns:
        (H, W) uint16, whole mm; 0 where there is no value.
    """
    a, b = noise
    measured = depth + (a + b * depth**2) * random.randn(*depth.shape)
    edge = np.zeros(depth.shape, bool)
    jump = 0.1
    edge[:, 1:] |= np.abs(np.diff(depth, axis=1)) > jump
    edge[1:] |= np.abs(np.diff(depth, axis=0)) > jump
    lost = edge | (random.rand(*depth.shape) < holes)
    return np.where(lost, 0, np.rint(1000 * measured)).clip(0, 65535).astype(np.uint16)
