"""Tell which models have an 8-bit file that can stand for them on this CPU; inference.fastest measures the two."""

import os
from typing import List

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.machine import dot_products
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile

FOR_CPUS = "_int8_cpu"  # ending of the names of files that `pose export --precision int8-cpu` makes
# What both specs must say alike. An export copies it, and the model's spec may be edited or made anew afterwards.
SAME = ("task", "input_size_wh", "color_order", "skeleton", "stride", "decoder", "decoder_options", "padding", "fit")


def candidate_files(name: str, device: str = DEVICES[0]) -> List[ModelFile]:
    """Return the files that can stand for a model on a CPU: its own and, perhaps, its 8-bit file.

    That file is x_int8_cpu of a model x, made of this very x and used alike, see stands_for. On a CPU without dot
    products of 8-bit numbers it is less accurate, or hardly faster, see core.machine.dot_products.

    Args:
        name: name of a model. A path, or a name with its ending, names the file itself.
        device: one of DEVICES; all but "auto" leave the name as it is.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    full = find_model(name, device=device)
    names_file = os.path.basename(name) != name or name.endswith((".onnx", ".engine")) or os.path.isfile(name)
    if names_file or device != DEVICES[0] or not dot_products() or full.spec is None:
        return [full]
    try:
        small = find_model(name + FOR_CPUS)
    except (ModelError, OSError):  # there is none, or it is damaged
        return [full]
    return [full, small] if small.spec and stands_for(small.spec, full.spec) else [full]


def stands_for(small: ModelSpec, full: ModelSpec) -> bool:
    """Return whether an 8-bit file was made of a model, is used as the model is, and has probabilities where it has.

    Args:
        small: spec of the 8-bit file.
        full: spec of the model.
    """
    export = small.training.get("export", {})
    is_made_of_it = export.get("precision") == "int8-cpu" and export.get("of_sha256") == full.sha256
    is_used_alike = all(getattr(small, field) == getattr(full, field) for field in SAME)
    return is_made_of_it and is_used_alike and bool(small.calibration or not full.calibration)
