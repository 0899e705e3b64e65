"""A fixture that counts how often files are read."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from pose_estimation_ros.datasets import coco_index, crowdpose, mpii
from pose_estimation_ros.evaluation import benchmarks, comparison
from pose_estimation_ros.evaluation import evaluate as evaluation
from pose_estimation_ros.evaluation.metrics import detection
from pose_estimation_ros.inference.backends import open as opening


@pytest.fixture
def counts(monkeypatch):
    """How often each file is opened through read_json, each model is looked for, and each content is hashed."""
    counter = Counter()
    for module in (benchmarks, coco_index, crowdpose, mpii, detection):
        counting(monkeypatch, module, "read_json", counter, lambda path, *_: Path(path).name)
    for module in (evaluation, comparison, opening):
        counting(monkeypatch, module, "find_model", counter, lambda name, *_: "find " + Path(name).name)
    counting(monkeypatch, hashlib, "sha256", counter, lambda *data: "hash " + str(len(data[0])) if data else "hash")
    return counter


def counting(monkeypatch, module, name, counter, key):
    function = getattr(module, name)

    def counted(*args, **options):
        counter[key(*args)] += 1
        return function(*args, **options)

    monkeypatch.setattr(module, name, counted)
