"""Import a model of another program: conclude what its file leaves open, rewrite it, check it, and write its spec."""

import hashlib
import os
import shlex
import tempfile
from typing import List, NamedTuple, Optional, Tuple

import onnx

from pose_estimation_ros.core.atomic_files import UNFINISHED, JsonObject, check_writable, write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError, printable, shortened
from pose_estimation_ros.core.model_spec import ModelSpec, model_name, spec_path
from pose_estimation_ros.core.resources import resource_folders, user_models
from pose_estimation_ros.importing.boxes.detect import import_detector
from pose_estimation_ros.importing.model_import import ModelImport as ModelImport
from pose_estimation_ros.importing.model_import import Say, check_name, checked, given, licence_line
from pose_estimation_ros.importing.network.checked_copy import (
    checked_copy,
    find_size_wh,
    require_one_frame,
    shapes_of_one,
)
from pose_estimation_ros.importing.network.foreign_file import Foreign, normalises, open_foreign, takes_whole_numbers
from pose_estimation_ros.importing.network.parity import Network, noise, open_original, original_input
from pose_estimation_ros.importing.network.rewrite import Entry, Side
from pose_estimation_ros.importing.pose.choose_skeleton import choose_skeleton
from pose_estimation_ros.importing.pose.conventions import Conventions, conclude
from pose_estimation_ros.importing.pose.detect import Seen, detect
from pose_estimation_ros.importing.pose.families import NO_MEAN, NO_STD, get_family
from pose_estimation_ros.importing.pose.metadata import read_pipeline, read_ultralytics
from pose_estimation_ros.importing.pose.outputs import KINDS, Contract
from pose_estimation_ros.inference.backends.open import open_model

MOST_TEXTS, LONGEST_TEXT = 100, 10000  # that a spec keeps of the foreign file: number, and letters of each
MMDEPLOY_NAMES = ("end2end",)  # every file of MMDeploy has this name: that of its folder tells more


class Imported(NamedTuple):
    """Hold a rewritten model and its spec, whose sha256 is still empty."""

    model: onnx.ModelProto
    spec: ModelSpec


def import_model(order: ModelImport, report: Say) -> str:
    """Import a model of another program.

    Args:
        order: the file, and what it does not tell.
        report: receives a line for each conclusion and check.

    Returns:
        The path of the new ONNX file, beside which its spec lies.

    Raises:
        ConfigError: an option is missing, wrong, or does not go with the file; or the name is taken.
        ModelError: the file is of another kind, damaged, or of no known kind.
        DataError: the new files cannot be written.
    """
    order = checked(order)
    if order.like is not None and not order.detector:
        get_family(order.like)
    path, report = _target(order), _printable(report)
    foreign = open_foreign(order.source)
    do_import = import_detector if order.detector else _import_pose
    imported = Imported(*do_import(order, foreign, report))
    spec = imported.spec._replace(
        name=os.path.splitext(os.path.basename(path))[0],
        training={"imported": _provenance(order, foreign, imported.spec.training)},
    )
    _write(path, imported._replace(spec=spec))
    _report_operators(path, report)
    report("wrote %s and %s" % (path, spec_path(path)))
    if order.check:
        _check_conventions(path, report)
    return path


def _printable(report: Say) -> Say:
    """Make lines harmless for a terminal: they quote texts of the foreign file."""
    return lambda line: report(printable(line))


def _write(path: str, imported: Imported) -> None:
    """Write a model and its spec beside the places where they belong, try them, and put both in place.

    So neither a full disk nor Ctrl-C leaves half a model, or takes an old one away.
    """
    content = imported.model.SerializeToString()
    spec = imported.spec._replace(sha256=hashlib.sha256(content).hexdigest())
    places = (path, spec_path(path))
    for place in places:
        check_writable(place)
    try:
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=os.path.dirname(path) or ".") as folder:
            new, new_spec = (os.path.join(folder, os.path.basename(place)) for place in places)
            write_whole(new, content)
            write_json(new_spec, spec.to_json(), indent=1)
            open_model(new, spec.task)[0].close()  # the runtime takes it
            os.replace(new, path)
            os.replace(new_spec, places[1])
    except OSError as error:
        raise DataError("cannot write %s: %s" % (path, error.strerror or error))


def _target(order: ModelImport) -> str:
    """Return the path of the new file. Raises ConfigError where its name is taken."""
    name = check_name(order.name or _name_of(order.source))
    folder = order.out or user_models()
    path = os.path.join(folder, name + ".onnx")
    for shipped in resource_folders("models"):
        if os.path.isfile(os.path.join(shipped, name + ".onnx")):
            raise ConfigError("expected --name with another name than that of a model of this package, got %s" % name)
    if os.path.realpath(path) == os.path.realpath(order.source):
        raise ConfigError("expected --out or --name for another file than the source, got %s" % path)
    taken = [file for file in (path, spec_path(path)) if os.path.lexists(file)]
    if taken and not order.force:
        raise ConfigError("%s exists already: give another --name, or --force to replace it" % taken[0])
    return path


def _name_of(source: str) -> str:
    """Derive a name from that of the file, or of the folder of a file that MMDeploy made."""
    name = model_name(source)
    folder = os.path.dirname(os.path.abspath(source))
    return model_name(folder + ".onnx") if name in MMDEPLOY_NAMES and os.path.basename(folder) else name


def _provenance(order: ModelImport, foreign: Foreign, found: JsonObject) -> JsonObject:
    """Return what the spec keeps on the origin of a model."""
    return dict(
        found,
        file=os.path.basename(order.source),
        sha256=hashlib.sha256(foreign.content).hexdigest(),
        options={name: list(value) if isinstance(value, tuple) else value for name, value in given(order).items()},
        metadata={
            shortened(name, 100): shortened(text, LONGEST_TEXT)
            for name, text in list(foreign.metadata.items())[:MOST_TEXTS]
        },
        origin=order.origin,
    )


def _import_pose(order: ModelImport, foreign: Foreign, report: Say) -> Tuple[onnx.ModelProto, ModelSpec]:
    """Conclude, report, rewrite and compare."""
    told = read_ultralytics(foreign.path, foreign.metadata)
    channels_last = foreign.input.shape[1] != 3
    size_wh, reason = find_size_wh(foreign, order.size_wh, told.size_wh if told else None)
    report("input %d x %d px (width x height): %s" % (size_wh + (reason,)))
    pipeline = read_pipeline(foreign.path)
    original = open_original(foreign)
    blank = Entry(foreign.input, channels_last, size_wh, foreign.input.shape[0], "rgb", NO_MEAN, NO_STD)
    shapes = shapes_of_one(original, blank)
    free = tuple(tensor.name for tensor in foreign.outputs if _has_free_people(tensor.shape, len(shapes[tensor.name])))
    seen = Seen(foreign.path, channels_last, size_wh, shapes, free, told, pipeline is not None, order)
    contract = detect(seen)
    takes_numbers = not takes_whole_numbers(foreign.input)
    conventions = conclude(foreign.path, contract, order, takes_numbers, pipeline, normalises(foreign))
    skeleton, why = choose_skeleton(foreign.path, contract, conventions, order, told)
    for line in conventions.reasons:
        report(line)
    report("skeleton %s, %d keypoints: %s" % (skeleton.name, skeleton.num_keypoints, why))
    stated = order.licence or shortened(told.licence if told else "", LONGEST_TEXT)
    report(licence_line(stated or conventions.licence, "" if stated else conventions.family))
    model = _rewritten(foreign, original, blank, contract, conventions, report)
    spec = ModelSpec(
        "", KINDS[contract.kind].task, size_wh, "rgb", skeleton, _stride(contract), conventions.decoder,
        conventions.padding, "", {"score_threshold": conventions.score_threshold},
        {"like": conventions.family, "licence": stated}, conventions.decoder_options, conventions.fit,
    )  # fmt: skip
    return model, spec


def _stride(contract: Contract) -> int:
    return int(contract.ratio) if contract.kind in ("heatmaps", "associative_embedding") else 1


def _has_free_people(declared: Tuple[Optional[int], ...], rank: int) -> bool:
    """Tell whether the file leaves the second axis of an output free."""
    return len(declared) != rank or rank < 2 or declared[1] is None


def _rewritten(
    foreign: Foreign, original: Network, blank: Entry, contract: Contract, conventions: Conventions, report: Say
) -> onnx.ModelProto:
    """Rewrite a model and compare the copy with the original."""
    entry = blank._replace(color=conventions.color, mean=conventions.mean, std=conventions.std)
    entry = entry._replace(batch=_batch(foreign, original, entry, contract))
    kind = KINDS[contract.kind]
    return checked_copy(
        foreign, original, entry, contract.outputs,
        lambda nodes, names: kind.build(nodes, names, contract, entry.size_wh),
        lambda shape: _declared(shape, entry, contract), report,
    )  # fmt: skip


def _batch(foreign: Foreign, original: Network, entry: Entry, contract: Contract) -> Optional[int]:
    """Return how many pictures the rewritten network takes at once, None where any number of them goes."""
    declared = foreign.input.shape[0]
    if KINDS[contract.kind].task != "top_down":
        require_one_frame(foreign)
        return 1
    if declared is not None:
        return declared
    try:
        several = original(original_input(noise(entry, 2), entry))
    except ModelError:
        return 1
    return None if all(several[name].shape[0] == 2 for name in contract.outputs) else 1


def _declared(shape: Tuple[int, ...], entry: Entry, contract: Contract) -> List[Side]:
    """Return the sides of an output: batch and number of people are free where they change."""
    sides: List[Side] = list(shape)
    if entry.batch is None:
        sides[0] = "batch"
    if KINDS[contract.kind].task == "one_stage" and contract.candidates is None:
        sides[1] = "people"
    return sides


def _report_operators(path: str, report: Say) -> None:
    """Name the operators that the TensorRT of old Jetsons refuses."""
    from pose_estimation_ros.importing.tensorrt_operators import refused

    for version, board in (("8.5", "JetPack 5"), ("8.2", "JetPack 4.6")):
        names = sorted({refusal.operator for refusal in refused(path, version)})
        if names:
            report("TensorRT %s (%s) refuses: %s; ONNX Runtime runs them" % (version, board, ", ".join(names)))
    if names:  # the older version refuses what the newer one does
        report("why: pose check-operators %s" % shlex.quote(path))


def _check_conventions(path: str, report: Say) -> None:
    """Compare the conventions with others on the demo's clip."""
    from pose_estimation_ros.importing.check import check_conventions

    check_conventions(path, report)
