"""Folders of topics, and what becomes of errors."""

import re

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.run import jobs
from pose_estimation_ros.evaluation.bag.run.jobs import Outcome, evaluate_bag, topic_folder
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation

TOPICS = [
    "/a", "/left/cam_a", "/left_cam/a", "/left_cam_a", "/left/cam/a", "/left__cam/a", "left/cam_a", "/left.cam_a",
    "~/a", "/~/a", "~a", "/", "//", "///", "////", "/a/", "/a//", "", ".", "..", "/.", "/..", "/../..", "/%", "%",
    "/%25", "/%2E", "/é", "/a b", "/\0", "/a\n",
]  # fmt: skip


def test_no_two_topics_have_one_folder():
    folders = [topic_folder(topic) for topic in TOPICS]
    assert len(set(folders)) == len(TOPICS)
    assert all(re.fullmatch(r"[A-Za-z0-9_.%~-]+", folder) for folder in folders)
    assert not {".", ".."} & set(folders)
    assert folders[:3] == ["a", "left.cam_a", "left_cam.a"]


@pytest.mark.parametrize(
    "error, text, retry, traced",
    [
        (DataError("no such bag"), "no such bag", False, False),
        (OSError("disk full"), "disk full", False, False),
        (MemoryError(), "bag: expected more free memory, got none", True, False),
        (ValueError("odd"), "bag: unexpected ValueError: odd (see {}/bag/traceback.txt)", False, True),
        (RecursionError("deep"), "bag: unexpected RecursionError: deep (see {}/bag/traceback.txt)", False, True),
    ],
)
def test_any_error_costs_one_bag_alone(monkeypatch, tmp_path, error, text, retry, traced):
    def broken(_evaluation, _note):
        yield {"interrupted": False}
        raise error

    monkeypatch.setattr(jobs, "run_bag", broken)
    outcome = evaluate_bag(BagEvaluation(["bag"], tmp_path), print)
    assert outcome == Outcome([{"interrupted": False}], text.format(tmp_path), False, retry)
    path = tmp_path / "bag" / "traceback.txt"
    assert path.exists() == traced and (not traced or type(error).__name__ in path.read_text())
