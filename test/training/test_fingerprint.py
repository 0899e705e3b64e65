"""fingerprint.py: what of a run's data is described, and which changes are noticed."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.fingerprint import changes, fingerprint  # noqa: E402
from pose_estimation_ros.training.recipe import Recipe, Source  # noqa: E402


class Samples(list):
    """A data set of bottom-up samples, with people to be pasted."""

    def __init__(self, samples, people):
        super().__init__(range(samples))
        self.people = list(range(people))


def described(train, holdout, recipe=None):
    return fingerprint(recipe or Recipe(), SimpleNamespace(train_set=train, holdout_set=holdout))


@pytest.mark.parametrize("train", [[], Samples(0, 0)])
def test_without_people_to_be_pasted_none_are_counted(train):
    assert described(train, []) == {"number of train samples": "0", "number of holdout samples": "0"}


def test_every_annotation_file_is_described(tmp_path):
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).write_text(name)
    recipe = Recipe(data_root=str(tmp_path), train=[Source("a", others="b")], holdout=[Source("c", detections="d")])
    files = {key for key in described([], [], recipe) if key.startswith("content of ")}
    assert files == {f"content of {name}" for name in ("a", "b", "c", "d")}


@pytest.mark.parametrize(
    "after, noticed",
    [
        (Samples(5, 3), []),
        (Samples(5, 2), ["number of train people to be pasted (was 3, is 2)"]),
        (Samples(5, 0), ["number of train people to be pasted (was 3, is none)"]),
        (Samples(4, 3), ["number of train samples (was 5, is 4)"]),
    ],
)
def test_lost_samples_and_lost_people_are_noticed(after, noticed):
    assert changes(described(Samples(5, 3), []), described(after, [])) == noticed
