"""List what is compared: this package's models, and those of others that can be had on this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.environments import MEDIAPIPE, ROOT, ULTRALYTICS, installed, succeed, variables
from benchmarks.peers.protocol import LeftOut
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.inference.backends.find import find_model

PIPELINE = [sys.executable, "-m", "benchmarks.peers.our_pipeline"]
AP_PAGE = ROOT / "docs" / "how-to" / "use-your-own-model.md"
IN_BOXES = "coco_val97_gt_boxes_flip"  # the accuracy that is shown, of those in a spec
UNKNOWN = "-"


class Folders(NamedTuple):
    """Hold where files of others are.

    Attributes:
        environments: environments of their packages and files made from them; made if need be.
        references: the user's ONNX files, None where no folder was named.
    """

    environments: Path
    references: Path | None


class Start(NamedTuple):
    """Describe how a program is started; the number of threads becomes its last argument.

    Attributes:
        command: the program and its arguments.
        variables: its environment variables.
        ap: AP in ground-truth boxes with flip test, as text, UNKNOWN where none was measured.
    """

    command: list[str]
    variables: dict[str, str]
    ap: str = UNKNOWN


class Candidate(NamedTuple):
    """Hold a title and a function that brings the files into place and raises LeftOut where they cannot be had."""

    title: str
    prepare: Callable[[Folders], Start]


def candidates(models: list[str]) -> list[Candidate]:
    """Return all candidates, the one that the others are compared with first.

    Args:
        models: names or paths of further models for this package's pipeline.
    """
    own = {"lite0_fpn_coco": "person_detector", "lite0_fpn_coco_int8_cpu": "person_detector_int8_cpu"}
    return [
        *(
            Candidate(f"`{model}`, `{detector}`", partial(own_model, model, detector))
            for model, detector in own.items()
        ),
        *(Candidate(f"MoveNet {name}", partial(movenet, name)) for name in ("Lightning", "Thunder")),
        Candidate("MediaPipe pose, full", mediapipe),
        Candidate("YOLO11n-pose, untrained", yolo),
        *(Candidate(f"`{model}`", partial(own_model, model, "person_detector")) for model in models),
    ]


def own_model(model: str, detector: str, _folders: Folders) -> Start:
    """Prepare a model that the package runs as it is.

    Args:
        model: name or path of the pose model.
        detector: name of the detector.
    """
    try:
        found = find_model(model)
    except PoseError as error:
        absent = "it is not on this machine; `pose get --list` shows models to download"
        raise LeftOut(str(error) if Path(model).is_file() else absent) from error
    figures = found.spec.accuracy.get(IN_BOXES) if found.spec else None
    return in_pipeline(found.path, detector, f"{figures['AP']:.1f}" if figures else UNKNOWN)


def in_pipeline(path: str, detector: str = "person_detector", ap: str = UNKNOWN) -> Start:
    """Run a model in this package's pipeline.

    Args:
        path: path of the model.
        detector: name of the detector.
        ap: its AP, see Start.
    """
    return Start([*PIPELINE, path, detector], variables(), ap)


def movenet(name: str, folders: Folders) -> Start:
    """Import the user's ONNX file of a MoveNet.

    Args:
        name: Lightning or Thunder.
        folders: where the file is.
    """
    file = f"movenet_{name.lower()}.onnx"
    if folders.references is None or not (folders.references / file).is_file():
        raise LeftOut(f"no {file} in {folders.references or 'a folder named by --references or POSE_DATA'}")
    order = ModelImport(str(folders.references / file), outside="black")
    return in_pipeline(imported(order, folders), ap=published_ap(f"MoveNet {name}"))


def imported(order: ModelImport, folders: Folders) -> str:
    """Import a model beside the environments and return its path. Raises LeftOut where it cannot be imported."""
    out = folders.environments / "models"
    out.mkdir(parents=True, exist_ok=True)
    try:
        return import_model(order._replace(out=str(out), check=False, force=True), lambda _line: None)
    except PoseError as error:
        raise LeftOut(str(error)) from error


def published_ap(name: str) -> str:
    """Return a model's AP with flip test from the page about imported models, UNKNOWN where it has no row."""
    row = re.search(rf"^\| {re.escape(name)}\b[^|]*\|[^|]*\| ([\d.]+) \|$", AP_PAGE.read_text(), re.M)
    return row[1] if row else UNKNOWN


def mediapipe(folders: Folders) -> Start:
    """Install MediaPipe."""
    python = installed(MEDIAPIPE, folders.environments)
    command = [str(python), "-m", "benchmarks.peers.mediapipe_pose", demo_clip()]
    return Start(command, variables(folders.environments / MEDIAPIPE.name))


def yolo(folders: Folders) -> Start:
    """Export YOLO11n-pose with Ultralytics' package, and import the file."""
    python, home = installed(ULTRALYTICS, folders.environments), folders.environments / ULTRALYTICS.name
    file = home / "yolo11n-pose.onnx"
    if not file.exists():
        succeed([str(python), str(ROOT / "benchmarks" / "peers" / "yolo_export.py"), str(file)], home)
    return in_pipeline(imported(ModelImport(str(file), skeleton="coco17"), folders))
