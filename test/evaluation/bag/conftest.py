"""Small bags: a white dot that walks over 96x128 px, for a model that puts every keypoint where it is brightest."""

import json

import pytest
from bag_images import TOPIC, dot_image, image_message

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.evaluation.bag.files.writer import BagWriter


@pytest.fixture
def save_bag(tmp_path, blob):
    """A function: stamps, images (default: the dot, 2 px further each time) -> path of a bag with them."""

    def save(name, stamps_ns, images=None, storage="sqlite3", topic=TOPIC, more=()):
        images = [dot_image(blob, 30 + 2 * i) for i in range(len(stamps_ns))] if images is None else images
        writer = BagWriter(tmp_path / name, storage)
        for stamp_ns, image in zip(stamps_ns, images):
            writer.write(topic, image_message(image, stamp_ns), stamp_ns)
        for other, message, at_ns in more:
            writer.write(other, message, at_ns)
        writer.close()
        return tmp_path / name

    return save


@pytest.fixture
def stamps():
    """A function: number of frames, Hz -> stamps in ns from 1 s."""
    return lambda count, hz=30: [10**9 + round(i * 1e9 / hz) for i in range(count)]


@pytest.fixture
def evaluate(color_model, tmp_path):
    """A function that runs `pose evaluate-bag` with the colour model on whole frames -> status, results of each run."""

    def call(*arguments, out="out"):
        arguments = list(map(str, arguments))
        fixed = ["--model", color_model, "-p", "detector:=full_frame", "-p", "threads:=1", "--out", str(tmp_path / out)]
        status = main(["evaluate-bag", *arguments, *fixed])
        summary = tmp_path / out / "summary.json"
        runs = json.loads(summary.read_text()) if summary.exists() else []
        return status, [run["results"] for run in runs]

    return call
