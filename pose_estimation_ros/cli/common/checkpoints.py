"""Export the checkpoints among the models to evaluate, because only exported files are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pose_estimation_ros.core.errors import ModelError, PoseError
from pose_estimation_ros.evaluation.protocols import find_protocol

CHECKPOINT = ".ckpt"


def onnx_files(models: Sequence[str], out: str, protocol: str | None, flip: bool | None) -> list[str]:
    """Replace each checkpoint by the ONNX file that is exported from it, into the folder "exported" of ``out``.

    Args:
        models: names and files of models.
        out: folder of the command's files.
        protocol: name of the protocol of the evaluation, None for the plain one; it says whether the input size of the
            networks must be free.
        flip: see protocols.find_protocol.

    Raises:
        ModelError: a checkpoint cannot be exported.
    """
    folder, free_size = Path(out, "exported"), find_protocol(protocol, flip).short_side
    return [str(exported(m, folder, free_size)) if m.endswith(CHECKPOINT) else m for m in models]


def exported(checkpoint: str, folder: Path, free_size: bool) -> Path:
    """Export a checkpoint as `pose export` does.

    Args:
        checkpoint: its path, runs/RUN/NAME.ckpt.
        folder: for RUN_NAME.onnx and RUN_NAME.json.
        free_size: leave height and width of the network's input free.

    Returns:
        The path of the ONNX file.

    Raises:
        ModelError: it cannot be exported.
    """
    name = f"{Path(checkpoint).absolute().parent.name}_{Path(checkpoint).stem}"
    print(f"exporting {checkpoint} into {folder}", flush=True)
    try:
        from pose_estimation_ros.training.export.model_export import ModelExport, export_model  # needs torch

        return export_model(ModelExport(checkpoint, str(folder), name, free_size=free_size))
    except ImportError as error:
        reason = f"it needs something that is not installed (pip install 'pose_estimation_ros[train]'): {error}"
        raise ModelError(f"cannot export {checkpoint}: {reason}") from error
    except PoseError as error:
        raise ModelError(f"cannot export {checkpoint}: {error}") from error
