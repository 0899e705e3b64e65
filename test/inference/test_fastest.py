"""fastest.py: the file and the threads of a network are those that were quickest on this machine, measured once."""

import json
import os

import cv2
import numpy as np
import pytest

from pose_estimation_ros.inference import eight_bits, fastest
from pose_estimation_ros.inference.fastest import choose, choose_network, thread_numbers, times_file
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pose_estimator import PoseEstimator, load_model
from pose_estimation_ros.inference.predict import Prediction, predict

NUMBERS = [1, 2, 4]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(eight_bits, "dot_products", lambda: "avx512_vnni")
    monkeypatch.setattr(fastest, "is_offered", lambda device: False)
    monkeypatch.setattr(fastest, "thread_numbers", lambda cores: NUMBERS)


@pytest.fixture
def takes(monkeypatch):
    """Let networks take times, by (whether in 8 bits, threads), on a clock that only they move; count measurements."""
    now_s, opened = [0.0], []

    class Time:
        @staticmethod
        def perf_counter():
            return now_s[0]

    def make_call(path, threads, shape):
        opened.append((os.path.basename(path), threads, shape))

        def call():
            now_s[0] += 1e-3 * times_ms["int8" in path, threads]

        return call

    times_ms = {}
    monkeypatch.setattr(fastest, "make_call", make_call)
    monkeypatch.setattr(fastest, "time", Time)

    def use(full, small):
        times_ms.update({(False, n): ms for n, ms in zip(NUMBERS, full)})
        times_ms.update({(True, n): ms for n, ms in zip(NUMBERS, small)})
        return opened

    return use


@pytest.mark.parametrize(
    "full, small, expected",
    [
        ((30, 16, 20), (15, 22, 30), ("_int8_cpu", 1)),  # as on the CPU where 8 bits gain nothing by a second thread
        ((30, 10, 20), (15, 22, 30), ("", 2)),
        ((30, 29.5, 29), (60, 60, 60), ("", 1)),  # as fast: fewer threads
        ((30, 20, 10), (60, 60, 9.8), ("", 4)),  # as fast: the accurate file
    ],
)
def test_the_quickest(takes, full, small, expected):
    takes(full, small)
    chosen = choose_network("lite0_fpn_coco")
    assert (chosen.name, chosen.threads) == ("lite0_fpn_coco" + expected[0], expected[1])
    assert "lite0_fpn_coco on 2 threads %.1f ms" % full[1] in chosen.reason and "for 4 images" in chosen.reason


def test_times_are_measured_once_for_each_model_and_question(takes):
    opened = takes((3, 2, 4), (1, 5, 5))
    first = choose_network("lite0_fpn_coco")
    assert len(opened) == 6 and opened[0][2][0] == 4
    assert choose_network("lite0_fpn_coco") == first and len(opened) == 6
    assert choose_network("lite0_fpn_coco", threads=2).name == "lite0_fpn_coco" and len(opened) == 8
    assert choose_network("person_detector").threads == 1 and len(opened) == 14 and opened[-1][2][0] == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"%s": [1, 2]}', '{"%s": "fast"}', '{"%s": null}', b"\xff"])
def test_a_damaged_file_of_times_is_measured_anew(takes, content):
    opened = takes((3, 2, 4), (1, 5, 5))
    choose_network("lite0_fpn_coco")
    with open(times_file()) as file:
        (key,) = json.load(file)
    with open(times_file(), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.replace("%s", key).encode())
    assert choose_network("lite0_fpn_coco").threads == 1 and len(opened) == 12
    assert choose_network("lite0_fpn_coco").threads == 1 and len(opened) == 12


def test_where_nothing_can_be_kept_the_choice_is_made_all_the_same(takes, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    opened = takes((3, 2, 4), (1, 5, 5))
    assert [choose_network("lite0_fpn_coco").threads for _ in range(2)] == [1, 1] and len(opened) == 12


@pytest.mark.parametrize(
    "name, device, threads, expected",
    [
        ("lite0_fpn_coco", "cuda", 0, ("lite0_fpn_coco", 0)),
        ("lite0_fpn_coco", "cpu", 2, ("lite0_fpn_coco", 2)),
        ("lite0_fpn_coco.engine", "auto", 0, ("lite0_fpn_coco.engine", 0)),
        ("no_such_model", "auto", 0, ("no_such_model", 0)),
    ],
)
def test_where_nothing_is_open_nothing_is_measured(takes, name, device, threads, expected):
    opened = takes((1, 1, 1), (1, 1, 1))
    chosen = choose_network(name, device, threads)
    assert (chosen.name, chosen.threads, chosen.reason) == (*expected, "") and not opened


def test_on_a_gpu_nothing_is_measured(takes, monkeypatch):
    monkeypatch.setattr(fastest, "is_offered", lambda device: True)
    assert not takes((1, 1, 1), (1, 1, 1)) and choose_network("lite0_fpn_coco").threads == 0


def test_both_networks_of_a_pipeline(takes):
    opened = takes((3, 2, 4), (1, 5, 5))
    chosen = choose(PipelineOptions())
    assert (chosen.options.model, chosen.options.detector) == ("lite0_fpn_coco_int8_cpu", "person_detector_int8_cpu")
    assert (chosen.options.threads, chosen.detector.threads) == (1, 1) and len(opened) == 12
    assert chosen.reason.count("the quickest") == 2
    named = choose(PipelineOptions(device="cpu"))
    assert (named.options.model, named.options.threads, named.detector.threads) == ("lite0_fpn_coco", 2, 2)
    assert choose(PipelineOptions(detector="full_frame")).options.detector == "full_frame"


def test_the_detector_is_not_measured_where_the_model_finds_people_by_itself(takes):
    opened = takes((3, 2, 4), (9, 9, 9))
    choose(PipelineOptions(model="higher_lite0_fpn_coco"))
    assert {name for name, _, _ in opened} == {"higher_lite0_fpn_coco.onnx"}


def test_a_detector_in_the_background_has_one_thread(takes):
    takes((3, 2, 4), (9, 9, 9))
    chosen = choose(PipelineOptions(background_detector=True))
    assert (chosen.options.threads, chosen.detector.threads) == (2, 1)
    assert choose(PipelineOptions(background_detector=True, threads=4)).detector.threads == 4


@pytest.mark.parametrize("ms, runs", [(1, 8), (90, 6), (5000, 2)])
def test_a_slow_machine_measures_fewer_rounds(takes, monkeypatch, ms, runs):
    monkeypatch.setattr(fastest, "thread_numbers", lambda cores: [1, 2])
    takes((ms, ms, ms), (ms, ms, ms))
    calls, make_call = [], fastest.make_call

    def counted(path, threads, shape):
        call = make_call(path, threads, shape)
        return lambda: (calls.append(threads), call())

    monkeypatch.setattr(fastest, "make_call", counted)
    choose_network("lite0_fpn_coco", "cpu")
    assert calls.count(1) == calls.count(2) == runs


@pytest.mark.parametrize("cores, numbers", [(1, [1]), (2, [1, 2]), (6, [1, 2, 6])])
def test_numbers_of_threads(cores, numbers):
    assert thread_numbers(cores) == numbers


def test_programs_that_serve_people_choose(takes, tmp_path):
    takes((3, 2, 4), (1, 5, 5))
    cv2.imwrite(str(tmp_path / "image.png"), np.full((64, 48, 3), 99, np.uint8))
    with PoseEstimator(detector="full_frame") as estimator, load_model() as alone:
        assert estimator.pipeline.spec.name == alone.spec.name == "lite0_fpn_coco_int8_cpu"
    with PoseEstimator(detector="full_frame", device="cpu") as estimator, load_model("lite0_fpn_coco.onnx") as alone:
        assert estimator.pipeline.spec.name == alone.spec.name == "lite0_fpn_coco"
        assert estimator.pipeline.options.threads == 2
    order = Prediction(str(tmp_path / "image.png"), str(tmp_path / "out"), PipelineOptions(detector="full_frame"))
    assert "lite0_fpn_coco_int8_cpu on 1 thread" in predict(order).chosen
    assert predict(order._replace(options=PipelineOptions(detector="full_frame", device="cpu"))).chosen == ""


def test_a_real_measurement():
    chosen = choose_network("person_detector")
    assert chosen.name in ("person_detector", "person_detector_int8_cpu") and chosen.threads in NUMBERS
    with open(times_file()) as file:
        ((_, times_ms),) = json.load(file).items()
    assert len(times_ms) == 6 and min(times_ms) > 0
