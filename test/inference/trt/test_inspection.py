import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.trt.inspection import fields_text, inspect_engine


def test_no_engine(tmp_path):
    with pytest.raises(ModelError):
        next(inspect_engine(str(tmp_path / "none.engine")))


def test_the_sidecar_comes_first_then_the_engine(gpu, color_model, save_engine):
    gpu()
    sidecar, contents = inspect_engine(save_engine(color_model))
    assert "model_spec           tiny" in sidecar.splitlines()
    assert contents.startswith("input") and "layers inside" in contents.splitlines()[-1]


def test_a_line_for_each_field():
    assert fields_text({}) == ""
    assert fields_text({"b": {"x": 1}, "a": "text"}) == "a                    text\n" + 'b                    {"x": 1}'
