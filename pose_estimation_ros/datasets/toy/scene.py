"""Compose random scenes of drawn people: background, things that stand around, and exact labels."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
from PIL import Image

from pose_estimation_ros.datasets.toy.body import UP, Points, random_body, turn
from pose_estimation_ros.datasets.toy.canvas import Canvas, Solid
from pose_estimation_ros.datasets.toy.figure import dress, random_color

SIZE_WH = (320, 240)  # px
MOST_PEOPLE = 4
DISTANCE_M = (2.4, 5.0)
LEAST_VISIBLE = 0.5  # share of a person's pixels; a person with fewer is left out
LEAST_PIXELS = 300
SPOTS = ((4, 1.0), (16, 0.6), (64, 0.35))  # of textures: columns of spots, relative contrast
EXPOSURE = (0.8, 1.15)  # range of a camera's factor of the brightness
DEEP_M = 0.14  # a joint this far behind the surface of the same body is still visible
# Columns: forward, left and up of a body in the frame of a camera (x right, y down, z forward) that it faces.
FACING_CAMERA = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])

Labels = dict[str, tuple[float, float, int]]  # name -> x, y in px, COCO's visibility: 0 outside, 1 covered, 2 visible


class Figure(NamedTuple):
    """Hold a person to draw: the points in the camera's frame and the solids around them."""

    points: Points
    solids: list[Solid]


class Person(NamedTuple):
    """Hold the labels of a person in an image.

    Attributes:
        keypoints: by name.
        box_xywh: around the visible pixels, px.
        area: number of these pixels.
    """

    keypoints: Labels
    box_xywh: tuple[float, float, float, float]
    area: float


def draw_scene(rng: np.random.Generator) -> tuple[np.ndarray, list[Person]]:
    """Return a random image (240, 320, 3) uint8 RGB and everybody in it: one person or more, at least half visible."""
    width, height = SIZE_WH
    camera_height, focal_px = rng.uniform(0.9, 1.5), rng.uniform(0.75, 1.0) * width
    background, horizon = make_background(rng), rng.uniform(0.28, 0.45) * height
    count = int(rng.integers(1, MOST_PEOPLE + 1))
    columns = (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count  # so that people rarely hide each other
    figures = [_figure(rng, (column - 0.5) * width / focal_px, camera_height) for column in columns]
    clutter_seed = int(rng.integers(2**32))
    while True:
        canvas = Canvas(background, focal_px, horizon)
        people = draw_people(canvas, figures)
        draw_clutter(canvas, np.random.default_rng(clutter_seed))
        labels = [label_person(canvas, figure, owner, people[owner]) for owner, figure in enumerate(figures)]
        kept = [figure for figure, label in zip(figures, labels, strict=True) if label]
        if len(kept) == len(figures):
            return photograph(canvas.color, rng), [label for label in labels if label]
        if not kept:
            return draw_scene(rng)
        figures = kept


def draw_nobody(rng: np.random.Generator) -> np.ndarray:
    """Return a random image (240, 320, 3) uint8 RGB in which there are things and nobody."""
    background, horizon = make_background(rng), rng.uniform(0.28, 0.45) * SIZE_WH[1]
    canvas = Canvas(background, rng.uniform(0.75, 1.0) * SIZE_WH[0], horizon)
    draw_clutter(canvas, rng)
    return photograph(canvas.color, rng)


def _figure(rng: np.random.Generator, slope: float, camera_height: float) -> Figure:
    """Return a dressed person who stands on the floor.

    Args:
        rng: source of all choices.
        slope: x / z of the person.
        camera_height: of the camera above the floor, m.
    """
    body = random_body(rng)
    facing = rng.normal(0, 40) if rng.random() < 0.85 else rng.uniform(-180, 180)
    distance = rng.uniform(*DISTANCE_M)
    points = stand(body, facing, (slope * distance, distance), camera_height)
    return Figure(points, dress(points, rng))


def stand(body: Points, facing_deg: float, place: tuple[float, float], camera_height: float) -> Points:
    """Put a body on the floor.

    Args:
        body: the points in its own frame, m.
        facing_deg: turn of the body from the camera to its left.
        place: x to the right and z forward of the camera, m.
        camera_height: of the camera above the floor, m.

    Returns:
        The points in the camera's frame, m.
    """
    turned = FACING_CAMERA @ turn(UP, facing_deg)
    lowest = max(float((turned @ point)[1]) for point in body.values())
    shift = np.array([place[0], camera_height - lowest, place[1]])
    return {name: turned @ point + shift for name, point in body.items()}


def draw_people(canvas: Canvas, figures: Sequence[Figure]) -> list[int]:
    """Draw the figures and return how many pixels each would have if nothing stood in front of it."""
    counts = []
    for owner, figure in enumerate(figures):
        alone = Canvas(np.zeros_like(canvas.color), canvas.focal_px, canvas.center[1])
        for solid in figure.solids:
            alone.draw(solid, owner)
        counts.append(int((alone.owner == owner).sum()))
        nearer = alone.depth < canvas.depth
        for whole, one in ((canvas.depth, alone.depth), (canvas.owner, alone.owner), (canvas.color, alone.color)):
            whole[nearer] = one[nearer]
    return counts


def label_person(canvas: Canvas, figure: Figure, owner: int, pixels: int) -> Person | None:
    """Return a person's labels, None where too little of the person is visible.

    Args:
        canvas: the whole scene.
        figure: the person.
        owner: number of the person on the canvas.
        pixels: how many pixels the person would have alone.
    """
    rows, columns = np.nonzero(canvas.owner == owner)
    if len(rows) < max(LEAST_PIXELS, LEAST_VISIBLE * pixels):
        return None
    box = (float(columns.min()), float(rows.min()), float(np.ptp(columns) + 1), float(np.ptp(rows) + 1))
    labels = {name: _label(canvas, place, owner) for name, place in figure.points.items()}
    return Person(labels, box, float(len(rows)))


def _label(canvas: Canvas, place: np.ndarray, owner: int) -> tuple[float, float, int]:
    """Return x and y in px and the visibility of a point (3,) m of a person."""
    x, y = canvas.project(place)
    column, row = int(np.round(x)), int(np.round(y))
    height, width = canvas.depth.shape
    if not (0 <= column < width and 0 <= row < height):
        return 0.0, 0.0, 0
    is_seen = canvas.owner[row, column] == owner and place[2] - canvas.depth[row, column] < DEEP_M
    return round(float(x), 2), round(float(y), 2), 2 if is_seen else 1


def draw_clutter(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw things into the scene: poles and balls like limbs and heads, and cards like furniture and doors."""
    width, height = SIZE_WH
    for _ in range(rng.integers(2, 7)):
        at = np.array([rng.uniform(-2.5, 2.5), rng.uniform(-1.2, 1.0), rng.uniform(3.0, 6.0)])
        end = at + rng.normal(0, 0.4, 3) * rng.choice([0.0, 1.0, 1.5])
        radius = rng.uniform(0.03, 0.13)
        canvas.draw(Solid(at, end, (radius, rng.uniform(0.5, 1.2) * radius), random_color(rng), int(rng.integers(4))))
    for _ in range(rng.integers(0, 4)):
        depth = rng.uniform(2.0, 7.0)
        size = rng.uniform(0.2, 1.2, 2) * canvas.focal_px / depth
        left_top = rng.uniform(-0.1, 1.0) * width, rng.uniform(0.35, 0.8) * height
        card = _noise(rng, random_color(rng), 30, (int(size[0]) + 1, int(size[1]) + 1))
        canvas.draw_card((round(left_top[0]), round(left_top[1])), depth, card)


def make_background(rng: np.random.Generator) -> np.ndarray:
    """Return a wall above a floor, both spotted, (H, W, 3) RGB."""
    width, height = SIZE_WH
    wall, floor = (_noise(rng, random_color(rng), rng.uniform(10, 70), SIZE_WH) for _ in range(2))
    edge = rng.uniform(0.45, 0.7) * height + rng.uniform(-0.15, 0.15) * (np.arange(width) - width / 2)
    return np.where(np.arange(height)[:, None, None] < edge[None, :, None], wall, floor)


def _noise(rng: np.random.Generator, color: np.ndarray, contrast: float, size_wh: tuple[int, int]) -> np.ndarray:
    """Return a colour with coarse and fine spots, (H, W, 3) float32 RGB.

    Args:
        rng: source of the spots.
        color: (3,) their mean, RGB in 0..255.
        contrast: standard deviation of the coarse spots.
        size_wh: width and height, px.
    """
    spots = np.zeros((size_wh[1], size_wh[0]), np.float32)
    for columns, strength in SPOTS:
        coarse = rng.normal(0, contrast * strength, (columns * 3 // 4, columns)).astype(np.float32)
        spots += np.asarray(Image.fromarray(coarse).resize(size_wh, Image.Resampling.BILINEAR))
    tint = rng.uniform(0.5, 1.5, 3)
    texture: np.ndarray = (color + spots[..., None] * tint).astype(np.float32)
    return texture


def photograph(color: np.ndarray, rng: np.random.Generator, exposure: float | None = None) -> np.ndarray:
    """Return the image (H, W, 3) uint8 with a camera's exposure, noise and soft edges.

    Args:
        color: (H, W, 3) RGB in 0..255.
        rng: source of noise and exposure.
        exposure: factor of the brightness, None for a random one.
    """
    soft = 0.6 * color + 0.2 * np.roll(color, 1, 0) + 0.2 * np.roll(color, 1, 1)
    noise = 5 * rng.standard_normal((*color.shape[:2], 1), np.float32)
    factor = rng.uniform(*EXPOSURE) if exposure is None else exposure
    return np.clip(factor * soft + noise, 0, 255).astype(np.uint8)
