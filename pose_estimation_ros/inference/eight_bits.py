"""Choose the 8-bit file of a model where the CPU computes it faster, and exactly.

Programs that serve people do so. Those that measure run what is named.
"""

import os

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.machine import dot_products
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.find import find_path
from pose_estimation_ros.inference.backends.onnxruntime_gpu import is_offered
from pose_estimation_ros.inference.options import PipelineOptions

FOR_CPUS = "_int8_cpu"  # ending of the names of files that `pose export --precision int8-cpu` makes
# What both specs must say alike. An export copies it, and the model's spec may be edited or made anew afterwards.
SAME = ("task", "input_size_wh", "color_order", "skeleton", "stride", "decoder", "decoder_options", "padding", "fit")


def with_faster_files(options: PipelineOptions) -> PipelineOptions:
    """Return the options with the faster files of the model and of the detector, see faster_file."""
    model, detector = (faster_file(name, options.device) for name in (options.model, options.detector))
    return options._replace(model=model, detector=detector)


def faster_file(name: str, device: str = DEVICES[0]) -> str:
    """Return the name of the 8-bit file of a model where it is to run on a CPU with dot products of 8-bit numbers.

    That file is x_int8_cpu of a model x, made of this very x and used alike, see stands_for. On a CPU without these
    instructions it is less accurate, or hardly faster, see core.machine.dot_products.

    Args:
        name: name of a model. A path, or a name with its ending, names the file itself, and stays.
        device: one of DEVICES; all but "auto" leave the name as it is.

    Returns:
        The name of the 8-bit file, or the given one.
    """
    names_file = os.path.basename(name) != name or name.endswith((".onnx", ".engine")) or os.path.isfile(name)
    if names_file or device != DEVICES[0] or not dot_products() or is_offered("cuda"):
        return name
    try:
        full, small = (load_model_spec(str(find_path(file))) for file in (name, name + FOR_CPUS))
    except (ModelError, OSError):  # there are not both files; opening the model reports what is wrong with it
        return name
    return name + FOR_CPUS if stands_for(small, full) else name


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


def replaced_text(named: PipelineOptions, used: PipelineOptions) -> str:
    """Return a line about the files that with_faster_files has chosen, "" where it left all as they were.

    Args:
        named: the options before.
        used: the options after.
    """
    names = ((used.model, named.model), (used.detector, named.detector))
    replaced = ", ".join("%s in place of %s" % pair for pair in names if pair[0] != pair[1])
    text = "8 bits, for which the CPU has %s: %s; device cpu, or a name that ends in .onnx, runs the file as named"
    return text % (dot_products(), replaced) if replaced else ""
