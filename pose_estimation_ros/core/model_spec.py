"""The contract between training and runtime: ``models/<name>.json`` beside ``models/<name>.onnx``."""

import hashlib
import json
import os
from typing import Any, Dict, NamedTuple, Tuple

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.skeleton import get_skeleton

POSE_TASKS = ("top_down", "bottom_up")
TASKS = POSE_TASKS + ("person_detector",)
DECODERS = {"top_down": "quarter_offset", "bottom_up": "associative_embedding", "person_detector": "boxes"}
ENGINE = ".engine"
JSON_TYPES = {  # the rest are strings
    "input_size_wh": list,
    "stride": int,
    "padding": (int, float),
    "accuracy": dict,
    "training": dict,
}  # type: Dict[str, Any]


class ModelSpec(NamedTuple):
    """What the runtime must know of an ONNX file, and what was measured of it.

    task: "top_down", "bottom_up" or "person_detector". input_size_wh: px. color_order: "rgb" (0..255 float32, NCHW).
    skeleton: name, "" for a detector. stride: input px per px of "heatmaps". decoder: how outputs become keypoints or
    boxes. padding: factor on the person box (top-down). sha256: of the ONNX file. accuracy, training: figures and their
    provenance.
    """

    name: str
    task: str
    input_size_wh: Tuple[int, int]
    color_order: str
    skeleton: str
    stride: int
    decoder: str
    padding: float
    sha256: str
    accuracy: Dict[str, Any]
    training: Dict[str, Any]

    def to_json(self):
        # type: () -> Dict[str, Any]
        fields = dict(self._asdict(), input_size_wh=list(self.input_size_wh))
        if self.skeleton:
            fields["flip_pairs"] = [list(pair) for pair in get_skeleton(self.skeleton).flip_pairs]
        return fields


def file_sha256(path):
    # type: (str) -> str
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def spec_path(model_path):
    # type: (str) -> str
    """``models/x.onnx`` -> ``models/x.json``; ``x.engine`` -> ``x.engine.json``, its sidecar."""
    stem, suffix = os.path.splitext(str(model_path))
    return (str(model_path) if suffix == ENGINE else stem) + ".json"


def load_model_spec(model_path):
    # type: (str) -> ModelSpec
    """Reads the spec beside an ONNX file, or in an engine's sidecar, and checks that the two belong together.

    Raises ModelError: either file missing, JSON broken, a key missing or unknown, a wrong value, sha256 different.
    """
    path = spec_path(model_path)
    for needed in (str(model_path), path):
        if not os.path.isfile(needed):
            raise ModelError("expected a model file %s, there is none" % needed)
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
    except ValueError as error:
        raise ModelError("%s: expected JSON, got: %s" % (path, error))
    sidecar = fields if isinstance(fields, dict) and path.endswith(ENGINE + ".json") else {}
    spec = _parse(path, sidecar.get("model_spec") if sidecar else fields)
    expected, found = sidecar.get("engine_sha256", spec.sha256), file_sha256(str(model_path))
    if found != expected:
        raise ModelError("%s: expected sha256 %s (from %s), got %s" % (model_path, expected, path, found))
    return spec


def _parse(path, fields):
    # type: (str, Any) -> ModelSpec
    if not isinstance(fields, dict):
        raise ModelError("%s: expected a JSON object, got %s" % (path, type(fields).__name__))
    flip_pairs = fields.pop("flip_pairs", None)
    missing, unknown = set(ModelSpec._fields) - set(fields), set(fields) - set(ModelSpec._fields)
    if missing or unknown:
        raise ModelError("%s: keys missing: %s; keys unknown: %s" % (path, sorted(missing), sorted(unknown)))
    for name, value in fields.items():
        if not isinstance(value, JSON_TYPES.get(name, str)):
            raise ModelError("%s: expected %s as %s, got %r" % (path, name, JSON_TYPES.get(name, str), value))
    try:
        spec = ModelSpec(**dict(fields, input_size_wh=tuple(int(n) for n in fields["input_size_wh"])))
        _check(spec, flip_pairs)
    except (TypeError, ValueError, ConfigError) as error:
        raise ModelError("%s: %s" % (path, error))
    return spec


def _check(spec, flip_pairs):
    # type: (ModelSpec, Any) -> None
    if spec.task not in TASKS:
        raise ValueError("expected task out of %s, got %r" % (TASKS, spec.task))
    if spec.decoder != DECODERS[spec.task]:
        raise ValueError("expected decoder %r for %s, got %r" % (DECODERS[spec.task], spec.task, spec.decoder))
    if spec.color_order != "rgb":
        raise ValueError("expected color_order 'rgb', got %r" % spec.color_order)
    if len(spec.input_size_wh) != 2 or min(spec.input_size_wh) <= 0 or spec.stride <= 0 or spec.padding <= 0:
        raise ValueError("expected positive input_size_wh [w, h], stride and padding, got %s" % (spec,))
    if spec.task in POSE_TASKS:
        own = [list(pair) for pair in get_skeleton(spec.skeleton).flip_pairs]
        if flip_pairs is not None and flip_pairs != own:
            raise ValueError("flip_pairs %s are not those of skeleton %s: %s" % (flip_pairs, spec.skeleton, own))
