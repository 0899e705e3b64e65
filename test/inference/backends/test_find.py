import os

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.backends import find as find_module
from pose_estimation_ros.inference.backends.find import find_model, find_path, onnx_file
from pose_estimation_ros.inference.backends.open import open_backend, open_model


@pytest.mark.parametrize(
    "name, message",
    [
        ("m.engine", "model file .*m.engine does not exist"),
        ("m.pt", r"expected a model file ending in .onnx or .engine, got .*m\.pt"),
        ("m.onnx", "model file .*m.onnx does not exist"),
    ],
)
def test_files_that_no_backend_opens(tmp_path, name, message):
    with pytest.raises(ModelError, match=message):
        open_backend(find_model(str(tmp_path / name)))


@pytest.fixture
def two_folders(tmp_path, monkeypatch):
    """A source tree's models/ and an installation's share folder, with b in both."""
    source, share = tmp_path / "source" / "models", tmp_path / "share"
    for folder, names in ((source, ["a", "b"]), (share, ["b", "c"])):
        folder.mkdir(parents=True)
        for name in names:
            (folder / (name + ".onnx")).write_bytes(b"")
    monkeypatch.setattr(find_module, "model_folders", lambda: [str(source), str(share), str(tmp_path / "none")])
    return source, share


@pytest.mark.parametrize("name, folder", [("a", 0), ("b", 0), ("c", 1), ("c.onnx", 1)])
def test_a_name_is_looked_up_in_the_source_tree_first(two_folders, name, folder):
    assert os.path.dirname(find_path(name)) == str(two_folders[folder])


def test_an_unknown_name_lists_the_known(two_folders):
    with pytest.raises(
        ModelError, match=r"out of a, b, b, c \(in .*\), got 'd'; `pose get --list` shows models to download$"
    ):
        find_path("d")


def test_a_path_is_itself(two_folders, tmp_path):
    assert find_path(str(tmp_path / "x.onnx")) == str(tmp_path / "x.onnx")


@pytest.mark.parametrize("name", ["m.onnx", "m.engine"])
def test_a_folder_is_no_model(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ModelError, match="^expected a model file, got .*%s, which is a folder or device$" % name):
        open_backend(find_model(str(tmp_path / name)))


@pytest.mark.parametrize("content, words", [(b"", "an empty file"), (b"version https://git-lfs", "run `git lfs pull`")])
@pytest.mark.parametrize("with_spec", [True, False])
def test_files_that_stand_in_for_a_model(tmp_path, color_model, content, words, with_spec):
    with open(color_model, "wb") as file:
        file.write(content)
    opening = (
        (lambda: open_model(color_model, "top_down")) if with_spec else (lambda: open_backend(onnx_file(color_model)))
    )
    with pytest.raises(ModelError, match=words):
        opening()


@pytest.mark.parametrize("place", ["w.bin", "sub/../w.bin"])
@pytest.mark.parametrize("with_spec", [True, False])
def test_weights_in_other_files_are_refused(color_model, save_spec, place, with_spec):
    """The sha256 of the ONNX file would stay the same whatever is in the other."""
    import onnx

    model = onnx.load(color_model)
    os.makedirs(os.path.join(os.path.dirname(color_model), "sub"))
    onnx.save(model, color_model, save_as_external_data=True, location="w.bin", size_threshold=0)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place
    with open(color_model, "wb") as file:
        file.write(model.SerializeToString())
    save_spec(color_model)
    opening = (
        (lambda: open_model(color_model, "top_down")) if with_spec else (lambda: open_backend(onnx_file(color_model)))
    )
    with pytest.raises(ModelError, match=r"expected an ONNX model in one file, .*external data.*onnx\.save"):
        opening()
