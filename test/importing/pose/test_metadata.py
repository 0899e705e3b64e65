"""Read the texts of exporting programs, whole and damaged."""

import json

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.importing.pose.metadata import read_pipeline, read_ultralytics

TEXTS = {
    "task": "pose", "stride": "32", "imgsz": "[640, 480]", "names": "{0: 'person'}", "kpt_shape": "[17, 3]",
    "end2end": "False", "args": "{'nms': None}", "license": "AGPL-3.0",
}  # fmt: skip
FIELDS = ("keypoints", "dims", "classes", "gives_rows", "size_wh", "keypoint_names", "licence")
USUAL = (17, 3, ("person",), False, (480, 640), {}, "AGPL-3.0")
READ = [
    # changes of the texts -> changes of what is read
    ({}, {}),
    ({"kpt_shape": "[5, 2]"}, {"keypoints": 5, "dims": 2}),
    ({"names": "['dog', 'person']"}, {"classes": ("dog", "person")}),
    ({"end2end": "True"}, {"gives_rows": True}),
    ({"args": "{'nms': True}"}, {"gives_rows": True}),
    ({"args": "{'nms': "}, {}),
    ({"args": "(" * 5000}, {}),
    ({"imgsz": "640"}, {"size_wh": None}),
    ({"imgsz": "[0, 640]"}, {"size_wh": None}),
    ({"kpt_names": "{0: %r}" % [str(i) for i in range(17)]}, {"keypoint_names": {0: tuple(map(str, range(17)))}}),
    ({"kpt_names": "{0: ['a']}"}, {}),
    ({"kpt_names": "__import__('os')"}, {}),
]
REFUSED = [
    ({"task": "detect"}, "--detector"),
    ({"task": "segment"}, "for 'segment'"),
    ({"kpt_shape": "[17]"}, "kpt_shape"),
    ({"kpt_shape": "[17, 4]"}, "kpt_shape"),
    ({"kpt_shape": "[300, 3]"}, "kpt_shape"),
    ({"kpt_shape": "[True, 3]"}, "kpt_shape"),
    ({"kpt_shape": "x" * 200000}, "kpt_shape"),
    ({"kpt_shape": "[17, 3+0j]"}, "kpt_shape"),
    ({"names": "{}"}, "names"),
    ({"names": "{1: 'person'}"}, "names"),
    ({"names": "person"}, "names"),
]


def normalize(**changes):
    step = {"type": "Normalize", "mean": [1, 2, 3], "std": [4, 5, 6], "to_rgb": True}
    return dict(step, **changes)


def pipeline(component="SimCCLabelDecode", params=None, transforms=None):
    usual = [{"type": "LoadImageFromFile"}, {"type": "TopDownGetBboxCenterScale", "padding": 1.5}, normalize()]
    tasks = [
        {"module": "Transform", "transforms": usual if transforms is None else transforms},
        {"module": "Net"},
        {"module": "mmpose", "component": component, "params": params or {}},
    ]
    return {"pipeline": {"tasks": tasks}}


PIPELINES = [
    # content -> kinds, decoder, its options, crop
    (pipeline(), ("simcc", "decoded"), "", {}, "half_size"),
    (pipeline("TopdownHeatmapSimpleHeadDecode"), ("heatmaps",), "quarter_offset", {}, "half_size"),
    (pipeline("TopdownHeatmapSimpleHeadDecode", {"post_process": "unbiased", "modulate_kernel": 17}), ("heatmaps",),
     "dark", {"kernel": 17}, "half_size"),
    (pipeline("TopdownHeatmapSimpleHeadDecode", {"use_udp": True}), ("heatmaps",), "dark",
     {"align_corners": True, "flip_shift": 0.0}, "udp"),
    (pipeline("TopdownHeatmapSimpleHeadDecode", {"type": "UDPHeatmap"}), ("heatmaps",), "dark",
     {"align_corners": True, "flip_shift": 0.0}, "udp"),
]  # fmt: skip
DAMAGED = [
    ("", "JSON"),
    ("[]", "tasks"),
    ('{"pipeline": 1}', "tasks"),
    (json.dumps(pipeline("TopdownHeatmapSimpleHeadDecode", {"use_udp": True, "modulate_kernel": 12})), "got 12"),
    (json.dumps(pipeline("TopdownHeatmapSimpleHeadDecode", {"use_udp": True, "modulate_kernel": "x"})), "got 'x'"),
    (json.dumps(pipeline(transforms=[normalize(to_rgb="False")])), "to_rgb as true or false, got 'False'"),
    (json.dumps(pipeline(transforms=[normalize(std=[1, 2])])), "mean and std"),
    (json.dumps(pipeline(transforms=[normalize(std=[1, 0, 1])])), "mean and std"),
    (json.dumps(pipeline(transforms=[normalize(), {"type": "TopDownGetBboxCenterScale", "padding": "x"}])), "padding"),
]


@pytest.mark.parametrize("metadata", [{}, {"task": "pose"}, {"names": "{}", "producer": "x"}])
def test_other_texts(metadata):
    assert read_ultralytics("x.onnx", metadata) is None


@pytest.mark.parametrize("changes, expected", READ)
def test_texts_of_ultralytics(changes, expected):
    told = read_ultralytics("x.onnx", dict(TEXTS, **changes))
    assert told._asdict() == dict(zip(FIELDS, USUAL), **expected)


@pytest.mark.parametrize("changes, message", REFUSED)
def test_damaged_texts_and_other_tasks(changes, message):
    with pytest.raises(ModelError, match=message) as caught:
        read_ultralytics("x.onnx", dict(TEXTS, **changes))
    assert len(str(caught.value)) < 400


def test_no_pipeline(tmp_path):
    assert read_pipeline(str(tmp_path / "end2end.onnx")) is None
    # A one-stage model, such as RTMO, has a pipeline without a decoder of crops; --like says how it sees pictures.
    without_mean = pipeline("UNKNOWN", transforms=[normalize(mean=None, std=None)])
    for content in ({"pipeline": {"tasks": []}}, pipeline("UNKNOWN"), without_mean):
        (tmp_path / "pipeline.json").write_text(json.dumps(content))
        assert read_pipeline(str(tmp_path / "end2end.onnx")) is None


@pytest.mark.parametrize("content, kinds, decoder, options, crop", PIPELINES)
def test_pipelines(tmp_path, content, kinds, decoder, options, crop):
    (tmp_path / "pipeline.json").write_text(json.dumps(content))
    family = read_pipeline(str(tmp_path / "end2end.onnx"))
    assert (family.kinds, family.decoder, family.decoder_options) == (kinds, decoder, options)
    assert (family.color, family.mean, family.std, family.padding) == ("rgb", (1, 2, 3), (4, 5, 6), 1.5)
    assert family.fit == {"crop": crop}


def test_a_pipeline_of_bgr(tmp_path):
    content = pipeline(transforms=[normalize(to_rgb=False)])
    (tmp_path / "pipeline.json").write_text(json.dumps(content))
    family = read_pipeline(str(tmp_path / "end2end.onnx"))
    assert (family.color, family.padding) == ("bgr", 1.25)


@pytest.mark.parametrize("text, message", DAMAGED)
def test_damaged_pipelines(tmp_path, text, message):
    (tmp_path / "pipeline.json").write_text(text)
    with pytest.raises(ModelError, match=message):
        read_pipeline(str(tmp_path / "end2end.onnx"))
