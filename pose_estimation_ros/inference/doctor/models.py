"""Find the models that names stand for, and check each of them."""

import os
from typing import Iterator, List, Optional, Sequence, Tuple

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.resources import model_folders
from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, Finding, survive

POSE_MODELS, DETECTORS, OTHERS = "pose models", "person detectors", "other models"
SUFFIXES = (".onnx", ".engine")
NO_MODEL = "install the package with its models, or `pose get --list` shows models to download"
UNUSABLE = "get or export it again with the .json beside it, or remove it"


def models(folders: Optional[Sequence[str]] = None) -> List[Finding]:
    """Return the models in the folders where names are looked up, each with its task and whether it can be used.

    Args:
        folders: where to look; None for model_folders().
    """
    found = []
    for folder, file in _files(model_folders() if folders is None else folders):
        found += _model(os.path.join(folder, file)) if file else [_unreadable(folder)]
    if not any(finding.part == POSE_MODELS for finding in found):
        found.append(Finding(POSE_MODELS, "any", "none", MISSING, NO_MODEL))
    return found


def _files(folders: Sequence[str]) -> Iterator[Tuple[str, str]]:
    """Yield (folder, file) of all models, with "" for a folder that cannot be read."""
    for folder in filter(os.path.isdir, folders):
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIXES))
        except OSError:
            names = [""]
        for name in names:
            yield folder, name


def _unreadable(folder: str) -> Finding:
    return Finding(OTHERS, folder, "this user may not read the folder", BROKEN, "chmod -R a+rX %s" % folder)


def _model(path: str) -> List[Finding]:
    """Check a model and the files beside it, so that a damaged one is a finding like any other."""
    return survive(OTHERS, lambda: [_checked(path)])


def _checked(path: str) -> Finding:
    from pose_estimation_ros.inference.backends.find import find_model  # here, as it imports NumPy

    name = os.path.basename(path)
    try:
        spec = find_model(path).spec
    except (PoseError, OSError) as error:
        return Finding(OTHERS, name, " ".join(str(error).split())[:200], BROKEN, UNUSABLE)
    if spec is None:
        return Finding(OTHERS, name, "no .json beside it", BROKEN, "pose import %s" % path)
    part = DETECTORS if spec.task == "person_detector" else POSE_MODELS
    keypoints = "%d keypoints, " % len(spec.skeleton.keypoints) if spec.skeleton else ""
    value = "%s, %s%dx%d px, in %s" % (spec.task, keypoints, *spec.input_size_wh, os.path.dirname(path))
    return Finding(part, name, value)
