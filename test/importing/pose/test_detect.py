"""Check what is concluded from outputs alone, and what is refused."""

import pytest

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.importing.model_import import ModelImport
from pose_estimation_ros.importing.pose.detect import Seen, detect
from pose_estimation_ros.importing.pose.metadata import Ultralytics

SIZE = (192, 256)  # width, height
PERSON = Ultralytics(17, 3, ("person",), False, None, {}, "")


def seen(outputs, size_wh=SIZE, channels_last=False, told=None, has_pipeline=False, free=(), **options):
    order = ModelImport("x.onnx", **options)
    return Seen("x.onnx", channels_last, size_wh, outputs, free, told, has_pipeline, order)


KINDS = [
    # outputs, keywords -> kind, outputs in order, keypoints
    ({"a": (1, 17, 384), "b": (1, 17, 512)}, {}, "simcc", ("a", "b"), 17),
    ({"a": (1, 17, 512), "b": (1, 17, 384)}, {}, "simcc", ("b", "a"), 17),
    ({"simcc_y": (1, 21, 512), "simcc_x": (1, 21, 512)}, {"size_wh": (256, 256)}, "simcc", ("simcc_x", "simcc_y"), 21),
    ({"a": (1, 21, 512), "b": (1, 21, 512)}, {"size_wh": (256, 256)}, "simcc", ("a", "b"), 21),
    ({"out_y": (1, 21, 512), "out_x": (1, 21, 512)}, {"size_wh": (256, 256)}, "simcc", ("out_x", "out_y"), 21),
    ({"xy": (1, 17, 2), "s": (1, 17)}, {"like": "rtmpose"}, "decoded", ("xy", "s"), 17),
    ({"xy": (1, 17, 2), "s": (1, 17)}, {"has_pipeline": True}, "decoded", ("xy", "s"), 17),
    ({"keypoints": (1, 9, 14, 3), "dets": (1, 9, 5)}, {}, "dets", ("dets", "keypoints"), 14),
    ({"o": (1, 1, 17, 3)}, {"channels_last": True}, "movenet", ("o",), 17),
    ({"o": (1, 6, 56)}, {"channels_last": True}, "movenet_multi", ("o",), 17),
    ({"x_flat_predictions": (0, 57)}, {}, "flat", ("x_flat_predictions",), 17),
    ({"b": (1, 17, 128, 96), "a": (1, 34, 64, 48)}, {}, "associative_embedding", ("a", "b"), 17),
    ({"o": (1, 133, 64, 48)}, {}, "heatmaps", ("o",), 133),
    ({"o": (1, 17, 256, 192)}, {"size_wh": (768, 1024)}, "heatmaps", ("o",), 17),
    ({"h": (1, 17, 64, 48), "i": (1, 17)}, {"like": "pp-tinypose"}, "heatmaps", ("h",), 17),
    ({"o": (1, 56, 2100)}, {"told": PERSON}, "raw_yolo", ("o",), 17),
    ({"o": (1, 300, 57)}, {"told": PERSON._replace(gives_rows=True)}, "rows", ("o",), 17),
    ({"o": (1, 56, 2100)}, {"like": "yolo-pose", "keypoints": 17}, "raw_yolo", ("o",), 17),
    ({"o": (1, 39, 2100)}, {"like": "yolo-pose", "keypoints": 17}, "raw_yolo", ("o",), 17),
    ({"o": (1, 300, 57)}, {"like": "yolo-pose", "keypoints": 17}, "rows", ("o",), 17),
]  # fmt: skip

REFUSED = [
    # outputs, keywords -> words of the error
    ({}, {}, "the outputs of a known pose model"),
    ({"simcc_x": (1, 17, 384), "simcc_y": (1, 17, 512), "simcc_z": (1, 17, 576)}, {}, "3D"),
    ({"simcc_x": (1, 17, 384), "simcc_y": (1, 17, 384)}, {}, "bins per px, in proportion to 192 x 256 px"),
    ({"simcc_x": (1, 17, 3264), "simcc_y": (1, 17, 4352)}, {}, "1 to 16 bins per px"),
    ({"dets": (1, 9, 5), "keypoints": (1, 8, 17, 3)}, {}, "the outputs of a known pose model"),
    ({"o": (1, 17, 1, 1)}, {"size_wh": (512, 512)}, "the outputs of a known pose model"),
    ({"o": (1, 56, 2100)}, {"told": PERSON, "person_class": "\u00b2"}, "expected --person-class out of"),
    ({"o": (1, 56, 2100)}, {"told": PERSON, "person_class": "9" * 5000}, "expected --person-class out of"),
    ({"cmap": (1, 18, 64, 48), "paf": (1, 42, 64, 48)}, {}, "part affinity fields"),
    ({"h": (1, 19, 32, 24), "p": (1, 38, 32, 24)}, {}, "part affinity fields"),
    ({"a": (1, 35, 64, 48), "b": (1, 17, 128, 96)}, {}, "heatmaps and tags of 17 keypoints in a, got 35"),
    ({"l": (1, 195), "f": (1, 1), "m": (1, 256, 256, 1)}, {"channels_last": True}, "BlazePose"),
    ({"o": (1, 308, 64, 48)}, {}, "at most 255 keypoints"),
    ({"o": (1, 17, 63, 48)}, {}, "the outputs of a known pose model"),
    ({"o": (1, 17, 3)}, {}, "--like yolo-pose --keypoints"),
    ({"o": (1, 34)}, {}, "the outputs of a known pose model"),
    ({"xy": (1, 17, 2), "s": (1, 17)}, {}, "--like rtmpose"),
    ({"h": (1, 17, 64, 48), "i": (1, 17)}, {}, "the outputs of a known pose model"),
    ({"o": (1, 56, 2100)}, {"like": "yolo-pose"}, "--keypoints"),
    ({"o": (1, 56, 2100)}, {"like": "yolo-pose", "keypoints": 16}, "of K = 16 keypoints"),
    ({"o": (1, 57, 2100)}, {"told": PERSON}, r"\(1, 56, candidates\) by its texts"),
    ({"o": (1, 56, 2100), "p": (1, 2)}, {"told": PERSON}, "expected one output"),
    ({"o": (1, 17, 64, 48)}, {"like": "rtmo"}, "--like out of hrnet"),
    ({"o": (1, 17, 64, 48)}, {"keypoints": 16}, "--keypoints 17"),
    ({"o": (1, 0, 64, 48)}, {}, "got none"),
    ({"b_num_predictions": (1, 1), "post_nms_boxes": (1, 9, 4), "post_nms_scores": (1, 9),
      "post_nms_joints": (1, 9, 51)}, {}, "joints"),
]  # fmt: skip

CLASSES = [
    # names, --person-class -> index, or words of the error
    (("dog",), None, 0),
    (("dog", "person"), None, 1),
    (("dog", "Person"), None, 1),
    (("dog", "cat"), "cat", 1),
    (("dog", "cat"), "0", 0),
    (("dog", "cat"), None, "--person-class with one of its classes"),
    (("person", "PERSON"), None, "none or several"),
    (("person", "PERSON"), "PERSON", 1),
    (("dog", "cat"), "person", "--person-class out of"),
    (("dog", "cat"), "2", "--person-class out of"),
]


@pytest.mark.parametrize("outputs, keywords, kind, order, keypoints", KINDS)
def test_kinds(outputs, keywords, kind, order, keypoints):
    contract = detect(seen(outputs, **keywords))
    assert (contract.kind, contract.outputs, contract.keypoints) == (kind, order, keypoints)
    assert contract.reason


@pytest.mark.parametrize("outputs, keywords, message", REFUSED)
def test_what_is_refused(outputs, keywords, message):
    with pytest.raises((ConfigError, ModelError), match=message) as caught:
        detect(seen(outputs, **keywords))
    assert "\n" not in str(caught.value) and "x.onnx" in str(caught.value)


@pytest.mark.parametrize("names, wanted, expected", CLASSES)
def test_the_class_of_people(names, wanted, expected):
    told = PERSON._replace(classes=names)
    look = seen({"o": (1, 55 + len(names), 2100)}, told=told, person_class=wanted)
    if isinstance(expected, int):
        assert detect(look).person == expected
    else:
        with pytest.raises(ConfigError, match=expected):
            detect(look)


def test_split_ratio_and_stride():
    assert detect(seen({"a": (1, 17, 288), "b": (1, 17, 384)})).ratio == 1.5
    assert detect(seen({"o": (1, 17, 32, 24)})).ratio == 8


@pytest.mark.parametrize("free, candidates", [((), 9), (("dets",), None), (("keypoints",), None)])
def test_a_free_number_of_people(free, candidates):
    look = seen({"keypoints": (1, 9, 17, 3), "dets": (1, 9, 5)}, free=free)
    assert detect(look).candidates == candidates
