"""Find the file of a model, and read and check it once."""

import hashlib
import os
from typing import Dict, List, Optional

from pose_estimation_ros.core.atomic_files import JsonObject
from pose_estimation_ros.core.errors import ConfigError, ModelError, did_you_mean
from pose_estimation_ros.core.model_spec import ENGINE, load_model_spec, parse_spec, read_model, spec_path
from pose_estimation_ros.core.onnx_file import check_onnx
from pose_estimation_ros.core.resources import model_folders
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.trt.cache import cached_engines, read_engine
from pose_estimation_ros.inference.trt.gpu import ask_gpu

ONNX = ".onnx"
SOURCES = {"onnx_sha256": "onnx_path", "source_sha256": "source_path"}  # {hash: path}, fields of a sidecar


class Hashes(Dict[str, str]):
    """Map paths to the sha256 of their files, each computed when it is needed first."""

    def __missing__(self, path: str) -> str:
        self[path] = hashlib.sha256(read_model(path)).hexdigest()
        return self[path]


def find_model(name_or_path: str, hashes: Optional[Hashes] = None, device: str = DEVICES[0]) -> ModelFile:
    """Find a model, read it, and check that it and the files beside it belong together.

    A path is used as it is. A name, with or without ".onnx", is looked up in model_folders(). "x.engine" is looked up
    there, then among the engines that were built from the model x on this machine, of which the newest is taken; where
    x has a folder, its file x.onnx is that model. On the device "engine", x means the newest of these engines, too.

    Args:
        name_or_path: name or path of the model.
        hashes: known hashes of ONNX files; receives those that are computed here.
        device: one of DEVICES, on which the model is to run.

    Raises:
        ConfigError: the model is an engine, and the device runs ONNX models only.
        ModelError: the model does not exist (the message lists the folders and the models in them), a file is damaged,
            or it does not belong to its spec or sidecar.
    """
    hashes = Hashes() if hashes is None else hashes
    if name_or_path.endswith(ENGINE) and device not in ("auto", "engine"):
        raise ConfigError("expected an .onnx model for device %s, got %s" % (device, name_or_path))
    by_model = device == "engine" and not name_or_path.endswith(ENGINE)
    path = None if by_model else find_path(name_or_path)
    if path is None:
        return _newest_engine(name_or_path, hashes)
    if path.endswith(ENGINE):
        return engine_file(path, hashes)
    if not path.endswith(ONNX):
        raise ModelError("expected a model file ending in .onnx or .engine, got %s" % path)
    if not os.path.exists(spec_path(path)):
        return onnx_file(path)
    return ModelFile(path, "onnx", load_model_spec(path, hashes.get(path)), {}, path)


def names_engine(name_or_path: str, device: str) -> bool:
    """Tell whether find_model() finds an engine.

    Args:
        name_or_path: name or path of the model.
        device: one of DEVICES.
    """
    return name_or_path.endswith(ENGINE) or device == "engine"


def find_path(name_or_path: str) -> Optional[str]:
    """Find the file of a model by its name or path.

    Returns:
        The path, or None for an engine that is no file: its name is in none of model_folders(), or in its place there
        is only the ONNX model of its name.

    Raises:
        ModelError: the model does not exist; the message lists the folders and the models in them.
    """
    if os.path.isfile(name_or_path):
        return name_or_path
    if os.path.dirname(name_or_path):
        is_built_from_file = name_or_path.endswith(ENGINE) and os.path.isfile(_onnx_of(name_or_path))
        return None if is_built_from_file and not os.path.exists(name_or_path) else name_or_path
    name = name_or_path if os.path.splitext(name_or_path)[1] in (ONNX, ENGINE) else name_or_path + ONNX
    folders = [folder for folder in model_folders() if os.path.isdir(folder)]
    for folder in folders:
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
    if name.endswith(ENGINE):
        return None
    known = sorted(file[: -len(ONNX)] for folder in folders for file in os.listdir(folder) if file.endswith(ONNX))
    hint = did_you_mean(name[: -len(ONNX)], known) or "; `pose get --list` shows models to download"
    text = "expected a model file or one out of %s (in %s), got %r%s"
    raise ModelError(text % (", ".join(known), ", ".join(folders), name_or_path, hint))


def find_onnx(engine: str) -> Optional[str]:
    """Find the ONNX model of an engine by a name: beside it, or among the known models. None if there is none."""
    beside = _onnx_of(engine)
    try:
        return beside if os.path.isfile(beside) else find_path(os.path.basename(beside))
    except ModelError:
        return None


def _onnx_of(name: str) -> str:
    """Return "x.onnx" for "x", "x.onnx" and "x.engine"."""
    return (os.path.splitext(name)[0] if name.endswith((ONNX, ENGINE)) else name) + ONNX


def onnx_file(path: str) -> ModelFile:
    """Read an ONNX file without a spec. Raises ModelError: the file does not exist, or it is no ONNX model."""
    check_onnx(read_model(path), path)
    return ModelFile(path, "onnx", None, {}, path)


def engine_file(path: str, hashes: Optional[Hashes] = None) -> ModelFile:
    """Read an engine and its sidecar.

    Args:
        path: path of the engine.
        hashes: known hashes of ONNX files; receives those that are computed here.

    Raises:
        ModelError: a file is missing or damaged, or the two do not belong together.
    """
    return _make_engine_file(path, path, *read_engine(path), hashes=Hashes() if hashes is None else hashes)


def _make_engine_file(path: str, name: str, content: bytes, sidecar: JsonObject, hashes: Hashes) -> ModelFile:
    sources = {key: hashes[sidecar[file]] for key, file in SOURCES.items() if os.path.isfile(sidecar[file])}
    onnx_path = sidecar["onnx_path"] if os.path.isfile(sidecar["onnx_path"]) else find_onnx(name)
    spec = parse_spec(path, sidecar["model_spec"])
    return ModelFile(path, "engine", spec, sidecar, onnx_path, content, sources)


def _newest_engine(name: str, hashes: Hashes) -> ModelFile:
    """Return the newest engine in the cache that was built from the ONNX model of a name on this machine.

    Raises:
        ModelError: no engine is built yet, or the model, TensorRT or the driver is missing.
    """
    onnx = str(find_path(_onnx_of(name)))
    gpu = ask_gpu()
    skipped: List[str] = []
    for path, content, sidecar in cached_engines(dict(gpu.machine, onnx_sha256=hashes[onnx]), skipped=skipped):
        return _make_engine_file(path, name, content, sidecar, hashes)._replace(gpu=gpu)
    raise ModelError("%s: no engine is built for this machine yet: run `pose build-engine %s`%s" % (
        name, onnx, "".join("; not used: " + line for line in skipped)))  # fmt: skip
