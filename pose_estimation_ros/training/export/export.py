"""Write a checkpoint as an ONNX file and its model spec, if ONNX Runtime agrees with torch."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from pose_estimation_ros.core.atomic_files import file_sha256, write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import DECODERS, ModelSpec, model_name, spec_path
from pose_estimation_ros.training.checkpoint import fill, load_checkpoint
from pose_estimation_ros.training.export.decoders import HEATMAP_DECODERS
from pose_estimation_ros.training.export.rewrite import for_export, with_shapes, with_shared_weights
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields
from pose_estimation_ros.training.tasks import TASKS, build_model, serving_model

OPSET = 13  # the newest that TensorRT 8.2 parses
IR_VERSION = 7  # the newest that ONNX Runtime 1.10 (Python 3.6) reads
PARITY = 1e-4
# Keys of the recipe that the spec keeps.
KEPT_KEYS = (
    *("model", "model_options", "teacher", "name", "init_from", "grow_from", "losses"),
    *("epoch_samples", "batch_size", "lr", "seed", "precision"),
)


def export(
    checkpoint: str | Path,
    out: str | Path,
    name: str | None = None,
    size_wh: Sequence[int] | None = None,
    free_size: bool = False,
    decoder: str | None = None,
) -> tuple[Path, float]:
    """Write <out>/<name>.onnx and .json, each atomically.

    Args:
        checkpoint: File that training wrote.
        out: Folder for the files.
        name: Name of the model; by default the recipe's.
        size_wh: Input size in px; by default the recipe's.
        free_size: Whether the network takes any height and width that are multiples of 64; it is compared at two sizes.
        decoder: One of HEATMAP_DECODERS that a top-down model's spec is to name; by default quarter_offset.

    Returns:
        Path of the ONNX file, and the largest difference between the outputs of torch and ONNX Runtime: absolute for
        outputs of 0..1, relative to the largest value where that is over 1.

    Raises:
        ConfigError: The model cannot have this size or decoder.
        ModelError: The checkpoint cannot be used, or the difference is over PARITY.
    """
    state = load_checkpoint(checkpoint, "model", "recipe", "epoch")
    recipe = recipe_from_fields(state["recipe"], str(checkpoint))
    recipe.input_size_wh = list(size_wh or recipe.input_size_wh)
    _check_size(recipe, free_size)
    if decoder and recipe.task != "top_down":
        raise ConfigError(f"expected a top-down model for the decoder {decoder}, got {recipe.name} for {recipe.task}")
    model = build_model(recipe)
    fill(model, state["model"], checkpoint)
    model = serving_model(model).eval()
    content = to_onnx(model, recipe.input_size_wh, free_size)
    difference = max(parity(model, content, size) for size in _sizes_to_try(recipe.input_size_wh, free_size))
    if not difference <= PARITY:
        raise ModelError(f"expected ONNX Runtime within {PARITY} of torch, got {difference:.2e}: nothing written")
    path = Path(out, (name or recipe.name) + ".onnx")
    write_whole(path, content)
    spec = _make_spec(recipe, path, state["epoch"], decoder or DECODERS[recipe.task][0])
    write_json(spec_path(str(path)), spec.to_json(), indent=1)
    return path, difference


def _check_size(recipe: Recipe, free_size: bool) -> None:
    if any(side < 32 or side % 32 for side in recipe.input_size_wh):
        raise ConfigError(f"expected an input size of multiples of 32, got {recipe.input_size_wh}")
    if free_size and recipe.task != "bottom_up":
        raise ConfigError(f"expected a bottom-up model for a free size, got {recipe.name} for {recipe.task}")


def _sizes_to_try(size_wh: list[int], free_size: bool) -> list[list[int]]:
    """Return the sizes to compare at: where the size is free, a second one of another shape."""
    return [size_wh, [size_wh[0] + 64, size_wh[1] + 128]] if free_size else [size_wh]


class NamedOutputs(nn.Module):
    """Return the outputs of a model as a tuple instead of a dict, because ONNX names outputs by position."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Run the model on images (N, 3, h, w)."""
        return tuple(self.model(images).values())


def to_onnx(model: nn.Module, size_wh: list[int], free_size: bool = False) -> bytes:
    """Serialise a model as an ONNX graph.

    Args:
        model: Network in evaluation mode that returns a dict of outputs.
        size_wh: Input size in px.
        free_size: Whether h and w are free too, as far as the network can take them.

    Returns:
        The graph: input "images" (N, 3, h, w) float32 RGB 0..255 with free N; outputs are named by the dict.
    """
    example = torch.zeros(1, 3, size_wh[1], size_wh[0])
    with torch.no_grad():
        names = list(model(example))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TracerWarning)  # sizes become constants, as they should
        torch.onnx.export(
            NamedOutputs(for_export(model, free_size)).eval(),  # or the exporter would leave it in training mode
            (example,),
            buffer,  # type: ignore[arg-type]
            input_names=["images"],
            output_names=names,
            dynamic_axes={name: _free_axes(name, free_size) for name in ["images", *names]},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = with_shapes(with_shared_weights(onnx.load_from_string(buffer.getvalue())))
    graph.ir_version = IR_VERSION
    onnx.checker.check_model(graph)
    return bytes(graph.SerializeToString())


def _free_axes(name: str, free_size: bool) -> dict[int, str]:
    """Name the axes of an input or output that stay free."""
    return {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} if free_size else {0: "batch"}


def parity(model: nn.Module, content: bytes, size_wh: list[int]) -> float:
    """Compare torch and ONNX Runtime on a batch of two noise images.

    Args:
        model: Network in torch.
        content: The same as a serialised ONNX graph.
        size_wh: Input size in px.

    Returns:
        The largest difference over all outputs, see export.
    """
    images = np.random.default_rng(0).uniform(0, 255, (2, 3, size_wh[1], size_wh[0])).astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {"images": images})
    with torch.no_grad():
        expected = [output.numpy() for output in model(torch.from_numpy(images)).values()]
    return max(float(np.abs(f - e).max() / max(1.0, np.abs(e).max())) for f, e in zip(outputs, expected, strict=True))


def _make_spec(recipe: Recipe, path: Path, epoch: int, decoder: str) -> ModelSpec:
    training: dict[str, Any] = {key: getattr(recipe, key) for key in KEPT_KEYS}
    training |= {"epochs": epoch, "data": [source.annotations for source in recipe.train]}
    return ModelSpec(
        name=model_name(str(path)),
        task=recipe.task,
        input_size_wh=(recipe.input_size_wh[0], recipe.input_size_wh[1]),
        color_order="rgb",
        skeleton=recipe.require_skeleton() if recipe.skeleton else None,
        stride=TASKS[recipe.task].stride,
        decoder=decoder,
        padding=recipe.padding,
        sha256=file_sha256(str(path)),
        accuracy={},
        training=training,
        decoder_options=HEATMAP_DECODERS.get(decoder, {}),
    )
