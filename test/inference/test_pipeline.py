import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, FrameError, ModelError
from pose_estimation_ros.core.poses import CONFIRMED, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline, carried_boxes

FRAME = np.zeros((480, 640, 3), np.uint8)
UNIT = np.random.RandomState(0).rand(17, 2)
UNIT[0], UNIT[1] = 0, 1  # the keypoints reach the corners of the box


class Detector:
    """Sees ``boxes`` and counts how often it was asked."""

    def __init__(self, *boxes):
        self.boxes, self.calls = boxes, 0

    def __call__(self, frame):
        self.calls += 1
        return np.array(self.boxes, np.float32).reshape(-1, 4), np.ones(len(self.boxes), np.float32)


class Estimator:
    """Finds a person in each box, its keypoints spread over the middle of the box, with the score given."""

    skeleton = get_skeleton("coco17")
    keypoint_score = 0.9

    def __call__(self, frame, boxes):
        self.boxes = boxes
        size = boxes[:, None, 2:] - boxes[:, None, :2]
        xy = boxes[:, None, :2] + size * (0.5 + (UNIT - 0.5) / 1.3)  # boxes carried with a margin of 0.15 stay
        score = np.broadcast_to(self.keypoint_score, xy.shape[:2])
        return make_poses(xy, score, boxes, score.mean(1))


class Whole(Estimator):
    """Finds two people by itself, in no box."""

    def __call__(self, frame, boxes):
        assert len(boxes) == 0
        return super().__call__(frame, np.array([LEFT, RIGHT], float))


LEFT, RIGHT = [50, 100, 110, 260], [400, 100, 460, 260]


def build(*boxes, **options):
    detector, estimator = Detector(*boxes), Estimator()
    options = PipelineOptions(**dict({"smoothing": False}, **options))
    return Pipeline(estimator, detector, options, [Backend()]), detector, estimator


def run(pipeline, count, start=0):
    return [pipeline(FRAME, i / 30.0) for i in range(start, start + count)]


def test_nobody():
    pipeline, detector, _ = build()
    assert [poses.count for poses in run(pipeline, 16)] == [0] * 16
    assert detector.calls == 2  # frames 0 and 9: an empty scene does not run it more often


class WholeBody(Estimator):
    """Finds a face's and hands' keypoints, too."""

    skeleton = get_skeleton("wholebody133")

    def __call__(self, frame, boxes):
        poses = super().__call__(frame, boxes)
        wide = np.tile(poses.xy, (1, 8, 1))[:, :133]
        return make_poses(wide, np.full(wide.shape[:2], 0.9), boxes, np.full(len(boxes), 0.5))


def test_two_boxes_of_one_person_are_one_person_with_any_skeleton():
    near = [51, 102, 111, 262]
    for estimator in (Estimator(), WholeBody()):
        pipeline = Pipeline(estimator, Detector(LEFT, near, RIGHT), PipelineOptions(), [Backend()])
        assert pipeline(FRAME, 0.0).count == 2


@pytest.mark.parametrize("every_s, calls", [(0.0, 12), (0.05, 12), (0.1, 4), (0.12, 4), (1 / 6.0, 3), (3.0, 1)])
def test_the_detector_runs_before_it_would_be_late(every_s, calls):
    """At 30 Hz: in every frame, every third or fifth, or once."""
    pipeline, detector, _ = build(LEFT, RIGHT, detect_every_s=every_s)
    poses = run(pipeline, 12)
    assert detector.calls == calls
    assert [p.track_id.tolist() for p in poses] == [[1, 2]] * 12


def seen_after_s(pipeline, detector, stamps, appears_s):
    """Return the seconds from the first frame that shows a newcomer to the frame where he or she is found."""
    shown_s = None
    for stamp_s in stamps:
        if shown_s is None and stamp_s >= appears_s:
            detector.boxes, shown_s = (LEFT, RIGHT), stamp_s
        if pipeline(FRAME, stamp_s).count == 2:
            return stamp_s - shown_s


@pytest.mark.parametrize("rate_hz", [0.2, 1, 2, 3.3, 10, 30, 60, 240])
@pytest.mark.parametrize("start_s", [0.0, 1.7e9])
def test_newcomers_are_found_in_time_or_at_once(rate_hz, start_s):
    """Below 4 Hz the frame after the next would be late for the default of 0.3 s, so the detector runs in each."""
    for appears_s in np.arange(2.0, 3.0, 0.13):
        pipeline, detector, _ = build(LEFT)
        stamps = start_s + np.arange(0, 12, 1.0 / rate_hz)
        delay_s = seen_after_s(pipeline, detector, stamps, start_s + appears_s)
        assert delay_s == 0 if rate_hz < 4 else delay_s <= 0.3 - 1 / rate_hz + 2e-3


@pytest.mark.parametrize("seed", range(3))
def test_newcomers_are_found_soon_in_a_stream_with_irregular_stamps(seed):
    """A frame that comes later than usual, here after 0.15 s at most, may be the one that finds them."""
    stamps = np.cumsum(np.random.RandomState(seed).uniform(0.005, 0.15, 300))
    for appears_s in np.arange(2.0, 4.0, 0.13):
        pipeline, detector, _ = build(LEFT)
        assert seen_after_s(pipeline, detector, stamps, appears_s) <= 0.3 + 0.15


def test_a_shorter_interval_counts_from_the_next_frame_on():
    pipeline, detector, _ = build(LEFT)
    run(pipeline, 3)
    pipeline.change(detect_every_s=0.0)
    run(pipeline, 3, 3)
    assert detector.calls == 4


def test_the_detector_runs_after_a_gap():
    pipeline, detector, _ = build(LEFT)
    run(pipeline, 5)
    detector.boxes = (LEFT, RIGHT)
    assert pipeline(FRAME, 10.0).count == 2


@pytest.mark.parametrize("rate_hz", [0.2, 2, 3.3, 10, 30])
def test_the_second_sight_confirms_where_it_comes_late_enough(rate_hz):
    pipeline, _, _ = build(LEFT)
    states = [pipeline(FRAME, i / rate_hz).state.tolist() for i in range(4)]
    assert states == [[TENTATIVE]] * (2 if rate_hz > 1 / 0.06 else 1) + [[CONFIRMED]] * (2 if rate_hz > 1 / 0.06 else 3)


def test_what_the_pipeline_tells_of_the_rate():
    pipeline, _, _ = build(LEFT)
    assert (pipeline.interval_s, pipeline.step_share) == (0, 0)
    pipeline(FRAME, 0.0)
    assert (pipeline.interval_s, pipeline.step_share) == (0, 0)
    pipeline(FRAME, 0.5)
    assert pipeline.interval_s == 0.5 and pipeline.step_share < 0.05  # the box moves a little to the pose


@pytest.mark.parametrize("moved_px, expected", [(0, 0.0), (16, 0.1), (80, 0.5)])
def test_steps_of_people_are_shares_of_their_size(moved_px, expected):
    """LEFT is 160 px high."""
    pipeline, detector, _ = build(LEFT, detect_every_s=0)
    for i in range(5):
        x0, y0, x1, y1 = LEFT
        detector.boxes = ([x0 + i * moved_px, y0, x1 + i * moved_px, y1],)
        pipeline(FRAME, i * 0.5)
    assert pipeline.step_share == pytest.approx(expected, abs=0.01)


def test_boxes_between_follow_the_poses():
    pipeline, _, estimator = build(LEFT)
    first = run(pipeline, 2)[0]
    assert np.allclose(estimator.boxes, carried_boxes(first))
    assert np.abs(estimator.boxes - [LEFT]).max() < 8


def test_a_lost_person_brings_the_detector_back_once():
    pipeline, detector, estimator = build(LEFT, RIGHT, detect_every_s=3.0)
    run(pipeline, 3)
    estimator.keypoint_score = 0.0
    run(pipeline, 1, 3)
    assert detector.calls == 1
    run(pipeline, 5, 4)
    assert detector.calls == 2  # in the frame after the loss, then not before 3 s more


def test_the_person_comes_back_under_the_same_id():
    pipeline, _, estimator = build(LEFT, detect_every_s=3.0)
    run(pipeline, 2)
    estimator.keypoint_score = 0.0
    run(pipeline, 1, 2)
    estimator.keypoint_score = 0.9
    assert pipeline(FRAME, 0.2).track_id.tolist() == [1]


def test_two_boxes_on_one_person_are_one():
    pipeline, _, _ = build(LEFT, [v + 1 for v in LEFT], RIGHT)
    assert run(pipeline, 1)[0].count == 2


@pytest.mark.parametrize("threshold, found", [(0.95, 0), (0.5, 17)])
def test_keypoints_below_the_threshold_score_zero_and_stay_in_place(threshold, found):
    pipeline, _, _ = build(LEFT, score_threshold=threshold, person_threshold=0.0)
    poses = run(pipeline, 1)[0]
    assert (poses.score > 0).sum() == found and poses.xy.shape == (1, 17, 2)


def test_people_below_the_threshold_are_dropped():
    pipeline, _, _ = build(LEFT, person_threshold=0.95)
    assert run(pipeline, 1)[0].count == 0


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.95])
def test_the_score_of_a_person_is_the_estimators_whatever_the_threshold_of_keypoints(threshold):
    pipeline, _, estimator = build(LEFT, score_threshold=threshold, person_threshold=0.0)
    estimator.keypoint_score = np.where(np.arange(17) % 2, 0.3, 0.9)
    assert run(pipeline, 1)[0].person_score.tolist() == pytest.approx([(8 * 0.3 + 9 * 0.9) / 17])


def test_a_model_without_a_detector_scores_people_by_itself():
    pipeline = Pipeline(Whole(), None, PipelineOptions(person_threshold=0.4, score_threshold=0.95, max_people=1))
    assert run(pipeline, 1)[0].person_score.tolist() == pytest.approx([0.9])
    pipeline.change(person_threshold=0.95)
    assert len(run(pipeline, 1, 1)[0]) == 0


def test_the_threshold_of_one_camera_leaves_the_others_alone():
    first, _, _ = build(LEFT)
    second = first.sibling()
    first.change(score_threshold=0.95, person_threshold=0.0)
    assert [(run(one, 1)[0].score > 0).sum() for one in (first, second)] == [0, 17]


def test_max_people_takes_the_detectors_best():
    pipeline, _, _ = build(RIGHT, LEFT, max_people=1)
    assert run(pipeline, 1)[0].box_xyxy.tolist() == [RIGHT]


def test_without_tracking_nobody_has_an_id():
    pipeline, _, _ = build(LEFT, tracking=False, smoothing=True)
    assert run(pipeline, 3)[-1].track_id.tolist() == [-1]


def test_smoothing_holds_back_a_jump():
    sudden = {}
    for smoothing in (False, True):
        pipeline, detector, _ = build(LEFT, detect_every_s=0, smoothing=smoothing)
        run(pipeline, 3)
        detector.boxes = ([v + 10 for v in LEFT],)
        sudden[smoothing] = pipeline(FRAME, 0.1).xy[0, 0, 0]
    assert sudden[True] < sudden[False] - 2


@pytest.mark.parametrize("stamps", [[0, 0, 0, 0], [5.0, 5.0, 4.99, 5.01]])
def test_stamps_that_stand_still_or_go_back_a_little_change_nothing(stamps):
    pipeline, detector, _ = build(LEFT, smoothing=True)
    assert [pipeline(FRAME, stamp).track_id.tolist() for stamp in stamps] == [[1]] * 4
    assert detector.calls == 1


def test_a_jump_back_in_time_starts_afresh():
    pipeline, detector, _ = build(LEFT)
    assert pipeline(FRAME, 100.0).track_id.tolist() == [1]
    assert pipeline(FRAME, 1.0).track_id.tolist() == [2]
    assert detector.calls == 2


def test_another_image_size_starts_afresh():
    pipeline, detector, _ = build(LEFT)
    pipeline(FRAME, 0.0)
    assert pipeline(FRAME[:400], 0.1).track_id.tolist() == [2] and detector.calls == 2


def test_reset_looks_again():
    pipeline, detector, _ = build(LEFT)
    run(pipeline, 2)
    pipeline.reset()
    assert run(pipeline, 1, 2)[0].track_id.tolist() == [2] and detector.calls == 2


def test_a_reset_begins_a_new_stream():
    """Two passes over the same stamps give the same places and velocities; only the ids go on counting."""
    pipeline, detector, _ = build(LEFT, detect_every_s=0, smoothing=True)
    passes = []
    for _ in range(2):
        pipeline.reset()
        passes.append([])
        for i in range(6):
            detector.boxes = ([v + 6 * i for v in LEFT],)
            passes[-1].append(pipeline(FRAME, 0.5 + 0.1 * i))
    for first, second in zip(*passes):
        for name in ("xy", "velocity", "state", "box_xyxy"):
            assert np.array_equal(first.fields()[name], second.fields()[name])
        assert (first.track_id.tolist(), second.track_id.tolist()) == ([1], [2])


def test_a_jump_back_does_not_forget_the_time_it_leads_to():
    pipeline, _, _ = build(LEFT)
    stamps = (100.0, 1.0, 1.2, 0.5, 1.3)  # 0.5 is late only, seen from 1.2
    assert [pipeline(FRAME, stamp).track_id.tolist() for stamp in stamps] == [[1], [2], [2], [2], [2]]


def test_a_stamp_that_is_no_number_spoils_nothing():
    pipeline, _, _ = build(LEFT, smoothing=True)
    stamps = (0.0, 0.1, float("nan"), float("inf"), 0.2, 0.3)
    poses = [pipeline(FRAME, stamp) for stamp in stamps]
    assert [one.track_id.tolist() for one in poses] == [[1]] * 6
    assert all(np.isfinite(one.xy).all() and np.isfinite(one.velocity).all() for one in poses)


@pytest.mark.parametrize("part", [Detector, Estimator])
def test_the_detector_is_asked_again_after_a_failure(part, monkeypatch):
    pipeline, _, _ = build(LEFT, detect_every_s=3.0)

    def broken(*_arguments):
        raise ModelError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(part, "__call__", broken)
        with pytest.raises(ModelError):
            pipeline(FRAME, 0.0)
    assert pipeline(FRAME, 0.1).count == 1


@pytest.mark.parametrize(
    "options",
    [{"smoothing": True}, {}, {"tracking": False}, {"detect_every_s": 0.0}, {"tracking": False, "max_people": 1}],
)
def test_whoever_changes_a_result_changes_no_later_one(options):
    (untouched, _, _), (spoilt, _, _) = build(LEFT, RIGHT, **options), build(LEFT, RIGHT, **options)
    for i in range(8):
        expected, found = untouched(FRAME, i / 30.0), spoilt(FRAME, i / 30.0)
        for name, array in found.fields().items():
            assert np.array_equal(array, expected.fields()[name])
            array[...] = 77


@pytest.mark.parametrize(
    "frame",
    [np.zeros((0, 0, 3), np.uint8), np.zeros((0, 640, 3), np.uint8), np.zeros((48, 64), np.uint8),
     np.zeros((48, 64, 4), np.uint8), np.zeros((48, 64, 3), np.float32)],
)  # fmt: skip
def test_what_is_no_frame_is_refused_and_the_next_one_works(frame):
    pipeline, _, _ = build(LEFT)
    run(pipeline, 1)
    with pytest.raises(FrameError, match=r"expected a frame \(H, W, 3\) uint8, got \(") as error:
        pipeline(frame, 0.1)
    assert error.value.kind == "shape"
    assert pipeline(FRAME, 0.2).track_id.tolist() == [1]


def test_timing_is_of_the_last_call():
    pipeline, _, _ = build(LEFT)
    run(pipeline, 1)
    assert min(pipeline.timing) >= 0 and sum(pipeline.timing) > 0 and pipeline.backend_name == ""


@pytest.mark.parametrize("score, expected", [(0.9, [-0.75, 7.75, 10.75, 37.25]), (0.0, [0, 0, 10, 20])])
def test_carried_boxes_by_hand(score, expected):
    """Keypoints fill x 0..10, y 20..50; 15 % wider each side, then halfway from the last box; none found: the last."""
    xy = np.linspace([0, 20], [10, 50], 17)[None]
    poses = make_poses(xy, np.full((1, 17), score), np.array([[0.0, 0, 10, 20]]), np.ones(1))
    assert np.allclose(carried_boxes(poses), [expected], atol=1e-5)


@pytest.mark.parametrize(
    "count, found, moved",
    [
        (1, 1, False),
        (2, 2, False),
        (3, 2, False),
        (3, 3, True),
        (5, 4, False),
        (5, 5, True),
        (7, 5, False),
        (7, 6, True),
    ],
)
def test_six_keypoints_or_all_of_fewer_outline_a_person(count, found, moved):
    xy, score = np.random.RandomState(0).rand(1, count, 2), (np.arange(count) < found)[None]
    poses = make_poses(xy, score, np.array([[0.0, 0, 10, 20]]), np.ones(1))
    assert (carried_boxes(poses).tolist() != [[0, 0, 10, 20]]) == moved


def test_carried_boxes_of_nobody():
    assert carried_boxes(empty_poses(17)).shape == (0, 4)


def test_build_pipeline_from_files(color_model, blob):
    frame = np.zeros((64, 48, 3), np.uint8)
    blob(frame, (20, 30), (255, 255, 255))
    with build_pipeline(PipelineOptions(model=color_model, detector="full_frame", threads=1)) as pipeline:
        poses = pipeline(frame, 0.0)
    assert pipeline.backend_name == "onnxruntime" and poses.track_id.tolist() == [1]
    assert pipeline.shares_runs and not pipeline.backend.on_gpu
    assert np.abs(poses.xy[0] - [20, 30]).max() < 4


@pytest.mark.parametrize(
    "options, message",
    [
        ({"detect_every_s": -1}, "expected detect_every_s in 0.0..60.0, got -1"),
        ({"score_threshold": 1.5}, "expected score_threshold in 0.0..1.0, got 1.5"),
        ({"person_threshold": -0.1}, "person_threshold"),
        ({"max_people": 0}, "max_people"),
        ({"threads": -1}, "threads"),
        ({"score_threshold": float("nan")}, "score_threshold"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigError, match=message):
        build_pipeline(PipelineOptions(**options))


def test_a_missing_model_ends_the_start():
    with pytest.raises(ModelError, match="no_such_model"):
        build_pipeline(PipelineOptions(model="no_such_model", detector="full_frame"))


def test_the_full_frame_is_taken_anew_each_time(color_model, blob):
    frame = np.zeros((128, 96, 3), np.uint8)
    blob(frame, (30, 60), (255, 255, 255))
    options = PipelineOptions(model=color_model, detector="full_frame", detect_every_s=1.5, threads=1)
    with build_pipeline(options) as pipeline:
        assert [pipeline(frame, i / 30.0).box_xyxy.tolist() for i in range(3)] == [[[0, 0, 96, 128]]] * 3


def test_what_keeps_two_networks_from_the_gpu_is_said_once(ort_gpu, color_model, constant_model, save_spec):
    ort_gpu().unloadable = ["CUDAExecutionProvider"]
    outputs = {"boxes_xyxy": np.zeros((1, 1, 4)), "scores": np.zeros((1, 1))}
    detector = constant_model("detector", outputs)
    save_spec(detector, task="person_detector", decoder="boxes", skeleton="", input_size_wh=(64, 64), stride=8)
    with build_pipeline(PipelineOptions(model=color_model, detector=detector)) as pipeline:
        assert pipeline.fault.count("device cuda: expected ONNX Runtime") == 1
