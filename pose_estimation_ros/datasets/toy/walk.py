"""Draw a short video: people who walk past each other before a camera that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.datasets.toy.body import walking_body
from pose_estimation_ros.datasets.toy.canvas import Canvas
from pose_estimation_ros.datasets.toy.figure import dress
from pose_estimation_ros.datasets.toy.scene import (
    EXPOSURE,
    SIZE_WH,
    Figure,
    Person,
    draw_people,
    label_person,
    make_background,
    photograph,
    stand,
)

RATE_HZ = 10.0
WALKERS = 3
STEP_M = 0.7  # length of a step
DISTANCES_M = ((2.8, 3.2), (3.6, 4.0), (4.4, 5.0))  # one row for each walker, so that nobody walks through another
SPEED = (0.6, 1.1)  # m/s


class Walker(NamedTuple):
    """Hold how a person walks.

    Attributes:
        seed: of height, bearing and clothes.
        distance: from the camera, m.
        start: x at the first image, m.
        speed: m/s, to the right where it is above 0.
        phase: of the walk at the first image, radians.
    """

    seed: int
    distance: float
    start: float
    speed: float
    phase: float


def draw_walk(seed: int, frames: int) -> Iterator[tuple[np.ndarray, dict[int, Person]]]:
    """Yield the images of a video and who is in them.

    Args:
        seed: of all random choices.
        frames: number of images, RATE_HZ of them in a second.

    Yields:
        (240, 320, 3) uint8 RGB, and the labels of the visible people by their number, the same in all images.
    """
    rng = np.random.default_rng(seed)
    camera_height, focal_px = rng.uniform(0.9, 1.5), rng.uniform(0.75, 1.0) * SIZE_WH[0]
    background, horizon = make_background(rng), rng.uniform(0.28, 0.45) * SIZE_WH[1]
    walkers = [_walker(rng, place, SIZE_WH[0] / focal_px / 2) for place in range(WALKERS)]
    exposure = rng.uniform(*EXPOSURE)
    for frame in range(frames):
        figures = [_figure(walker, frame / RATE_HZ, camera_height) for walker in walkers]
        canvas = Canvas(background, focal_px, horizon)
        draw_people(canvas, figures)
        labels = {number: label_person(canvas, figure, number, 0) for number, figure in enumerate(figures)}
        image = photograph(canvas.color, np.random.default_rng([seed, frame]), exposure)
        yield image, {number + 1: label for number, label in labels.items() if label}


def _walker(rng: np.random.Generator, place: int, slope: float) -> Walker:
    """Return a random person who begins somewhere in the picture and walks to its farther side.

    Args:
        rng: source of all choices.
        place: number of the walker.
        slope: x / z at the right border of the picture.
    """
    distance = rng.uniform(*DISTANCES_M[place])
    start = rng.uniform(-0.8, 0.8) * slope * distance
    speed = -np.sign(start) * rng.uniform(*SPEED)
    return Walker(int(rng.integers(2**32)), distance, start, speed, rng.uniform(0, 2 * np.pi))


def _figure(walker: Walker, time_s: float, camera_height: float) -> Figure:
    """Return a walker at a moment.

    Args:
        walker: the person.
        time_s: time since the first image.
        camera_height: of the camera above the floor, m.
    """
    phase = walker.phase + np.pi * abs(walker.speed) * time_s / STEP_M
    body = walking_body(np.random.default_rng(walker.seed), phase)
    place = (walker.start + walker.speed * time_s, walker.distance)
    points = stand(body, 90.0 if walker.speed > 0 else -90.0, place, camera_height)
    return Figure(points, dress(points, np.random.default_rng(walker.seed)))
