import json
import os

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference import engine_cache
from pose_estimation_ros.inference.engine_cache import (
    KEY,
    MACHINE,
    building,
    cache_folder,
    cached_engines,
    engine_path,
    is_current,
    read_sidecar,
    refuse_foreign,
    sidecar_path,
    store,
)

HERE = {"tensorrt": "8.2.1.8", "cuda": "10.2", "device": "NVIDIA Tegra X2", "compute_capability": "6.2"}
KEY_VALUES = dict(
    HERE, onnx_sha256="a" * 64, source_sha256="a" * 64, precision="fp16", max_batch=8, device_decode=False,
    shapes=[[1, 3, 64, 48], [8, 3, 64, 48], [8, 3, 64, 48]], workspace_mb=None, max_error_px=4.0,
)  # fmt: skip
REST = {
    "model_spec": None, "onnx_path": "/m/x.onnx", "source_path": "/m/x.onnx", "precision_built": "fp16", "parity": {},
    "built": {}, "layers": {}, "failed_over": [],
}  # fmt: skip
OTHER = {
    "onnx_sha256": "b" * 64, "source_sha256": "b" * 64, "tensorrt": "8.2.1.9", "cuda": "10.3", "device": "Orin",
    "compute_capability": "8.7", "precision": "fp32", "max_batch": 4, "device_decode": True,
    "shapes": [[1, 3, 64, 48], [4, 3, 64, 48], [8, 3, 64, 48]], "workspace_mb": 512, "max_error_px": 1.0,
}  # fmt: skip


@pytest.fixture
def engine(tmp_path):
    path = engine_path(str(tmp_path), "x", KEY_VALUES)
    store(path, b"an engine", dict(KEY_VALUES, **REST))
    return path


@pytest.mark.parametrize("variable, folder", [("", "/home/u/.cache"), ("/var/cache", "/var/cache")])
def test_the_cache_is_the_users_own(monkeypatch, variable, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    monkeypatch.setenv("HOME", "/home/u")
    assert cache_folder() == folder + "/pose_estimation_ros/engines"


def test_every_part_of_the_key_is_tried_below():
    assert set(OTHER) == set(KEY) == set(KEY_VALUES)


@pytest.mark.parametrize("field", sorted(OTHER))
def test_whatever_changes_is_another_engine(engine, tmp_path, field):
    changed = dict(KEY_VALUES, **{field: OTHER[field]})
    assert engine_path(str(tmp_path), "x", changed) != engine
    assert is_current(engine, KEY_VALUES) and not is_current(engine, changed)


def test_what_is_stored_is_read_back(engine):
    sidecar = read_sidecar(engine)
    assert sidecar.pop("engine_sha256") and sidecar == dict(KEY_VALUES, **REST)
    assert os.path.basename(engine).startswith("x-fp16-") and sidecar_path(engine) == engine + ".json"


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda path: os.remove(path), "expected .*engine, there is none"),
        (lambda path: os.remove(path + ".json"), "expected .*engine.json, there is none: build it"),
        (lambda path: open(path, "ab").truncate(4), "expected sha256 .* half written or replaced"),
        (lambda path: open(path + ".json", "w").write("{"), "expected JSON"),
        (lambda path: open(path + ".json", "w").write("[]"), "missing: .*'onnx_sha256'"),
        (lambda path: open(path + ".json", "w").write('{"tensorrt": "8"}'), "missing: .*'engine_sha256'"),
    ],
)
def test_damaged_engines_are_refused_and_built_again(engine, damage, message):
    damage(engine)
    with pytest.raises(ModelError, match=message):
        read_sidecar(engine)
    assert not is_current(engine, KEY_VALUES)


def test_a_foreign_engine_is_refused_with_all_that_differs(engine):
    sidecar = read_sidecar(engine)
    refuse_foreign(sidecar, HERE)
    refuse_foreign(sidecar, {})
    with pytest.raises(ModelError) as refusal:
        refuse_foreign(sidecar, {field: OTHER[field] for field in MACHINE})
    for field in MACHINE:
        assert "%s %r, here %r" % (field, HERE[field], OTHER[field]) in str(refusal.value)
    assert "pose build-engine /m/x.onnx" in str(refusal.value)


def test_engines_of_this_machine_newest_first(tmp_path):
    assert cached_engines(HERE, str(tmp_path / "none")) == []
    paths = []
    for age, change in enumerate([{}, {"precision": "fp32"}, {"device": "Orin"}, {"max_batch": 4}]):
        key = dict(KEY_VALUES, **change)
        paths.append(engine_path(str(tmp_path), "x", key))
        store(paths[-1], b"engine %d" % age, dict(key, **REST))
        os.utime(paths[-1], (1000 - age, 1000 - age))
    os.truncate(paths[3], 2)
    assert cached_engines(HERE, str(tmp_path)) == [paths[0], paths[1]]
    assert cached_engines(dict(HERE, precision="fp32"), str(tmp_path)) == [paths[1]]


def test_a_crash_between_engine_and_sidecar_leaves_nothing_that_counts(engine, monkeypatch):
    monkeypatch.setattr(engine_cache, "write_json", lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        store(engine, b"another engine", dict(KEY_VALUES, **REST))
    assert not is_current(engine, KEY_VALUES)


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    """A file in the folder's place: root, as whom tests may run, writes to read-only folders too."""
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    with pytest.raises(ModelError, match="cannot write to %s/engines: .*set XDG_CACHE_HOME, or give --out" % blocked):
        store(str(blocked / "engines" / "x.engine"), b"", {})
    with pytest.raises(ModelError, match="set XDG_CACHE_HOME"):
        with building(str(blocked / "engines"), print):
            pass


def test_the_folder_is_free_again_after_a_failed_build(tmp_path):
    said = []
    for _turn in range(2):
        with pytest.raises(ModelError, match="no"):
            with building(str(tmp_path / "new"), said.append):
                raise ModelError("no")
    assert said == [] and json.dumps(os.listdir(str(tmp_path / "new"))) == '["building.lock"]'
