import json
import os
import stat

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends import find as find_model
from pose_estimation_ros.inference.trt import cache as engine_cache
from pose_estimation_ros.inference.trt.cache import (
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
from pose_estimation_ros.inference.trt.gpu import Gpu

HERE = {"tensorrt": "8.2.1.8", "cuda": "10.2", "device": "NVIDIA Tegra X2", "compute_capability": "6.2"}
KEY_VALUES = dict(
    HERE, onnx_sha256="a" * 64, source_sha256="a" * 64, precision="fp16", max_batch=8, device_decode=False,
    shapes=[[1, 3, 64, 48], [8, 3, 64, 48], [8, 3, 64, 48]], workspace_mb=None, max_error_px=4.0,
)  # fmt: skip
SPEC = ModelSpec("x", "top_down", (48, 64), "rgb", get_skeleton("coco17"), 4, "quarter_offset", 1.25, "a" * 64, {}, {})
REST = {
    "model_spec": SPEC.to_json(), "onnx_path": "/m/x.onnx", "source_path": "/m/x.onnx", "precision_built": "fp16",
    "parity": None, "built": {"seconds": 1}, "layers": {}, "failed_over": [],
}  # fmt: skip
OTHER = {
    "onnx_sha256": "b" * 64, "source_sha256": "b" * 64, "tensorrt": "8.2.1.9", "cuda": "10.3", "device": "Orin",
    "compute_capability": "8.7", "precision": "fp32", "max_batch": 4, "device_decode": True,
    "shapes": [[1, 3, 64, 48], [4, 3, 64, 48], [8, 3, 64, 48]], "workspace_mb": 512, "max_error_px": 1.0,
}  # fmt: skip


def paths_of(*args):
    return [path for path, _content, _sidecar in cached_engines(*args)]


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
        (lambda path: os.remove(path), "engine does not exist"),
        (lambda path: os.remove(path + ".json"), "engine.json does not exist: build the engine"),
        (lambda path: open(path, "ab").truncate(4), "expected sha256 .* half written or replaced"),
        (lambda path: open(path + ".json", "w").write("{"), "expected a JSON file"),
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
    assert paths_of(HERE, str(tmp_path / "none")) == []
    paths = []
    for age, change in enumerate([{}, {"precision": "fp32"}, {"device": "Orin"}, {"max_batch": 4}]):
        key = dict(KEY_VALUES, **change)
        paths.append(engine_path(str(tmp_path), "x", key))
        store(paths[-1], b"engine %d" % age, dict(key, **REST))
        os.utime(paths[-1], (1000 - age, 1000 - age))
    os.truncate(paths[3], 2)
    assert paths_of(HERE, str(tmp_path)) == [paths[0], paths[1]]
    assert paths_of(dict(HERE, precision="fp32"), str(tmp_path)) == [paths[1]]


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


def rewrite(path, **changes):
    """Changes fields of an engine's sidecar."""
    with open(sidecar_path(path)) as file:
        fields = dict(json.load(file), **changes)
    with open(sidecar_path(path), "w") as file:
        json.dump(fields, file)


@pytest.mark.parametrize("changes", [
    *({name: value} for name in KEY + ("onnx_path", "source_path", "precision_built", "engine_sha256")
      for value in (None, 1, True, ["x"], {"x": 1}) if isinstance(dict(KEY_VALUES, **REST).get(name, ""), str)),
    *({name: value} for name in ("model_spec", "layers", "built", "shapes", "failed_over") for value in (None, "x", 5)),
    {"parity": 5}, {"parity": {}}, {"parity": {"median_px": "x", "p99_px": 1, "keypoints": 1}}, {"built": {}},
    {"built": {"seconds": "x"}}, {"model_spec": {}}, {"model_spec": dict(SPEC.to_json(), name="../x")},
])  # fmt: skip
def test_a_field_of_another_type_costs_that_engine_alone(engine, tmp_path, changes):
    good = engine_path(str(tmp_path), "x", dict(KEY_VALUES, max_batch=4))
    store(good, b"an engine", dict(KEY_VALUES, **dict(REST, max_batch=4)))
    rewrite(engine, **changes)
    skipped = []
    assert paths_of(HERE, str(tmp_path), skipped) == [good] and not is_current(engine, KEY_VALUES)
    assert len(skipped) == 1 and skipped[0].startswith(engine)


@pytest.mark.parametrize("content", [b"[" * 100000, b"\xff\xfe", b"", b"{", b"7"])
def test_a_sidecar_that_is_no_json_costs_that_engine_alone(engine, tmp_path, content):
    with open(sidecar_path(engine), "wb") as file:
        file.write(content)
    skipped = []
    assert paths_of(HERE, str(tmp_path), skipped) == [] and len(skipped) == 1


def test_what_was_skipped_is_told_where_no_engine_is_left(engine, tmp_path, monkeypatch, color_model):
    monkeypatch.setattr(find_model, "ask_gpu", lambda: Gpu(None, None, HERE))
    monkeypatch.setattr(engine_cache, "cache_folder", lambda: str(tmp_path))
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    os.chmod(engine, 0o666)
    with pytest.raises(ModelError, match="no engine .*; not used: .*can be written by everybody: run `chmod o-w "):
        find_model.find_model("color_model.engine")


@pytest.mark.parametrize("which", [lambda path: path, sidecar_path, os.path.dirname])
def test_what_everybody_may_write_is_not_trusted(engine, tmp_path, which):
    assert paths_of(HERE, str(tmp_path)) == [engine]
    os.chmod(which(engine), stat.S_IMODE(os.stat(which(engine)).st_mode) | stat.S_IWOTH)
    if which(engine) == str(tmp_path):
        with pytest.raises(ModelError, match="can be written by everybody"):
            paths_of(HERE, str(tmp_path))
    else:
        assert paths_of(HERE, str(tmp_path)) == []


@pytest.mark.parametrize("which", [lambda path: path, sidecar_path, os.path.dirname])
def test_what_belongs_to_somebody_else_is_not_trusted(engine, tmp_path, which, monkeypatch):
    real = os.stat

    def stat_of_another(path, *args, **options):
        result = real(path, *args, **options)
        if path == which(engine):
            return os.stat_result(result[:4] + (os.geteuid() + 1,) + result[5:])
        return result

    monkeypatch.setattr(os, "stat", stat_of_another)
    skipped = []
    try:
        assert paths_of(HERE, str(tmp_path), skipped) == []
    except ModelError as error:
        skipped.append(str(error))
    assert len(skipped) == 1 and "belongs to user %d" % (os.geteuid() + 1) in skipped[0]


def test_the_cache_is_made_for_its_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    with building(cache_folder(), print):
        assert stat.S_IMODE(os.stat(cache_folder()).st_mode) == 0o700
    os.chmod(cache_folder(), 0o777)
    with pytest.raises(ModelError, match="can be written by everybody"):
        with building(cache_folder(), print):
            pass


def test_the_lock_follows_no_link(tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / engine_cache.LOCK).symlink_to("victim")
    with pytest.raises(ModelError, match="cannot write to"):
        with building(str(tmp_path), print):
            pass
    assert (tmp_path / "victim").read_bytes() == b"precious"
