"""Check the options of an import, one by one."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.importing.model_import import CONVENTIONS, RULES, ModelImport, checked, given, licence_line

WRONG = [
    ("source", None), ("out", 5), ("name", "a b"), ("name", ".a"), ("like", 1), ("detector", "yes"), ("skeleton", 7),
    ("size_wh", (192,)), ("size_wh", (192, 256, 3)), ("size_wh", (192, 9000)), ("size_wh", "192x256"),
    ("color", "grb"), ("value_range", 2), ("value_range", True), ("mean", (1, 2)), ("mean", 1),
    ("mean", (1, 2, float("nan"))), ("std", (1, 2, 0)), ("decoder", "simcc"), ("keypoints", 0), ("keypoints", 256),
    ("person_class", 0), ("crop", "middle"), ("outside", "grey"), ("padding", 0), ("grey", 256), ("centred", 1),
    ("resize", "bilinear"), ("nms_iou", 1.5), ("score_threshold", -0.1), ("check", None), ("force", None),
    ("licence", 1), ("origin", 1),
]  # fmt: skip


def test_every_option_has_a_rule():
    assert set(RULES) == set(ModelImport._fields)
    assert set(CONVENTIONS) < set(ModelImport._fields)


def test_defaults():
    assert checked(ModelImport("x.onnx")) == ModelImport("x.onnx")
    assert given(ModelImport("x.onnx")) == {}


@pytest.mark.parametrize("name, value", WRONG)
def test_wrong_values(name, value):
    with pytest.raises(ConfigError, match="expected %s to be" % name):
        checked(ModelImport("x.onnx")._replace(**{name: value}))


def test_final_forms(tmp_path):
    order = checked(ModelImport(tmp_path / "x.onnx", size_wh=[48, 64], value_range=1, mean=[1, 2, 3], grey=0))
    assert order.source == str(tmp_path / "x.onnx") and order.size_wh == (48, 64) and order.mean == (1.0, 2.0, 3.0)
    assert given(order) == {"size_wh": (48, 64), "value_range": 1, "mean": (1, 2, 3), "grey": 0}


@pytest.mark.parametrize(
    "licence, family, words",
    [
        ("", "", "not known; --licence"),
        ("MIT", "", "weights: MIT"),
        ("MIT", "hrnet", "MIT if they are those published for hrnet"),
    ],
)
def test_the_licence_of_a_family_is_not_that_of_every_file(licence, family, words):
    assert words in licence_line(licence, family)


@pytest.mark.parametrize("options", [{"mean": (0.4, 0.4, 0.4)}, {"std": (1, 1, 1)}])
def test_mean_and_std_have_a_range(options):
    with pytest.raises(ConfigError, match="value_range 1 or 255 beside"):
        checked(ModelImport("x.onnx", **options))
