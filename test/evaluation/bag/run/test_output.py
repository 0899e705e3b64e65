import os
import shutil
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.run.output import (
    RESULTS,
    Movie,
    RunFolder,
    rate,
    refuse_foreign,
    replace_results,
)
from pose_estimation_ros.imaging.video import open_source


@pytest.mark.parametrize(
    "stamps_ns, fps",
    [([5], 30), ([5, 5], 30), ([9, 5], 30), ([0, 10**8, 2 * 10**8], 10), ([0, 10**5], 120), ([0, 10**10], 1)],
)
def test_rate(stamps_ns, fps):
    assert rate(stamps_ns) == fps


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_a_movie_of_any_length(tmp_path, count):
    movie = Movie(tmp_path / "a.mp4")
    for i in range(count):
        movie.write(i * 50_000_000, np.full((48, 64, 3), 8 * i, np.uint8))
    movie.close()
    assert (tmp_path / "a.mp4").exists() == (count > 0)
    if count:
        with open_source(str(tmp_path / "a.mp4")) as video:
            values = [int(round(frame.image.mean())) for frame in video]
        np.testing.assert_allclose(values, 8 * np.arange(count), atol=4)


def test_frames_of_other_sizes_get_the_firsts(tmp_path):
    movie = Movie(tmp_path / "a.mp4")
    for height in (48, 96, 32):
        movie.write(height, np.full((height, 64, 3), 100, np.uint8))
    movie.close()
    with open_source(str(tmp_path / "a.mp4")) as video:
        assert [frame.image.shape for frame in video] == [(48, 64, 3)] * 3


def run_folder(path):
    return RunFolder(path, get_skeleton("coco17"), video=False)


def test_a_run_appears_when_it_is_finished(tmp_path):
    os.umask(umask := os.umask(0))
    for text in ("first", "second"):
        with run_folder(tmp_path / "out" / "model") as folder:
            folder.finish({RESULTS: {"text": text}})
        assert os.listdir(tmp_path / "out") == ["model"]
        assert text in (tmp_path / "out" / "model" / RESULTS).read_text()
    assert (tmp_path / "out" / "model").stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.mark.parametrize("error", [DataError, ValueError, KeyboardInterrupt])
def test_a_run_that_fails_leaves_nothing(tmp_path, error):
    with pytest.raises(error), run_folder(tmp_path / "out" / "model"):
        raise error
    assert os.listdir(tmp_path / "out") == []


def test_folders_of_others_are_left_alone(tmp_path):
    for name in ("model.unfinished", "model.old", "model.unfinished-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / RESULTS).write_text("mine")
    for _ in range(2):
        with run_folder(tmp_path / "model") as folder:
            folder.finish({RESULTS: {}})
    assert sorted(os.listdir(tmp_path)) == ["model", "model.old", "model.unfinished", "model.unfinished-x"]
    assert all((tmp_path / name / RESULTS).read_text() == "mine" for name in os.listdir(tmp_path) if name != "model")


@pytest.mark.parametrize("prepare", [lambda p: p.mkdir(), lambda p: p.write_text("x"), lambda p: p.symlink_to("none")])
def test_what_is_no_earlier_run_is_not_replaced(tmp_path, prepare):
    prepare(tmp_path / "model")
    with pytest.raises(ConfigError, match="expected earlier results or nothing"):
        run_folder(tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]


def test_what_came_there_meanwhile_is_not_replaced(tmp_path):
    with pytest.raises(ConfigError, match="expected earlier results or nothing"):
        with run_folder(tmp_path / "model") as folder:
            (tmp_path / "model").mkdir()
            (tmp_path / "model" / "thesis.txt").write_text("all of it")
            folder.finish({RESULTS: {}})
    assert os.listdir(tmp_path) == ["model"] and os.listdir(tmp_path / "model") == ["thesis.txt"]


def test_results_that_another_run_replaces_meanwhile_are_not_foreign(tmp_path, monkeypatch):
    """They are gone at the very look at what they are, and there again at the next."""
    target = tmp_path / "model"
    target.mkdir()
    (target / RESULTS).write_text("first")
    is_file, looks = Path.is_file, []

    def replaced(path):
        looks.append(path)
        if len(looks) == 1:
            target.rename(tmp_path / "old")
            found = is_file(path)
            shutil.copytree(tmp_path / "old", target)
            return found
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", replaced)
    refuse_foreign(target)
    assert len(looks) == 2


def test_runs_at_once_do_not_destroy_each_other(tmp_path):
    """One of them stays, whole, and nothing else."""
    errors = []

    def work(number):
        try:
            for turn in range(20):
                new = tmp_path / f"new{number}" / "model"
                new.mkdir(parents=True)
                for name in (RESULTS, "more.json"):
                    (new / name).write_text(f"{number} {turn}")
                replace_results(new, tmp_path / "out" / "model")
        except Exception as error:
            errors.append(error)

    (tmp_path / "out").mkdir()
    threads = [Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and os.listdir(tmp_path / "out") == ["model"]
    contents = {(tmp_path / "out" / "model" / name).read_text() for name in (RESULTS, "more.json")}
    assert len(contents) == 1
