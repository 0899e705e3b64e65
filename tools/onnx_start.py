#!/usr/bin/env python3
"""A checkpoint from which networks on ELPN start: the weights of a shipped ELPN, back out of its ONNX file.

    python -m tools.onnx_start elpn_v1 models/elpn_v1_coco.onnx '../shared/data/crops/crops_train_*.tar' OUT.ckpt

So nobody trains for hours what is in models/ already. The file has the same function in another form
(training/export/rewrite.py): batch norms are in the convolutions before them, and the first stage has its context's
weights multiplied with those of the 1x1 convolution before it. Both are undone without a change of what the network
computes. Each batch norm's statistics, which training needs, are measured on images. The scale of the filters before
a batch norm, which it takes out again, is lost in the file; it decides how fast they learn.
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.checkpoint import save_checkpoint
from pose_estimation_ros.training.models import POSE_MODELS
from pose_estimation_ros.training.models.elpn import ContextBottleneck
from tools.litepose_start import sample_images

FILTER_RMS = 0.07  # about that of filters which began as normal(0, 0.001), after our trainings
IMAGES, BATCH = 256, 16


def read_layers(path):
    """The file's parameters by the module that had them: "head.weight", "stem.1.0.bias", ..."""
    graph = onnx.load(str(path)).graph
    stored = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
    layers = {name.removeprefix("model."): value for name, value in stored.items() if name.startswith("model.")}
    for node in graph.node:
        if node.op_type == "Conv":
            names = zip(("weight", "bias"), node.input[1:], strict=False)
            layers |= {f"{place(node.name)}.{kind}": stored[name] for kind, name in names}
    return layers


def place(node):
    """/model/stem/stem.1/stem.1.0/Conv -> stem.1.0: what is in a Sequential begins with that one's name."""
    scopes = node.removeprefix("/model/").split("/")[:-1]
    return ".".join(outer for outer, inner in pairwise([*scopes, ""]) if not inner.startswith(f"{outer}."))


def stored_as(name):
    """Where the file has the convolution that the model calls so: a ContextBottleneck is exported in other parts."""
    before, body, index = name.partition(".body.")
    if not name.startswith("stage1.") or not body:
        return name
    return f"{before}.widen" if index == "2.0" else f"{before}.narrow.{index}"


@torch.no_grad()
def fill(model, layers):
    """Gives an ELPN in evaluation mode the file's function. Its batch norms do not normalise yet."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Sequential):
            for (index, conv), (_, norm) in pairwise(module.named_children()):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    load_pair(conv, norm, layers, stored_as(f"{name}.{index}"))
        elif isinstance(module, ContextBottleneck):
            load_wide_context(module, name, layers)
    for part in ("mask", "squeeze", "norm"):
        load(model.neck.get_submodule(part), f"neck.context.{part}", layers)
    load(model.neck.excite, "neck.excite", layers)
    load(model.head, "head", layers)


def load(layer, source, layers):
    """A layer's weight, and its bias, if it has one and the file, too. 1x1 convolutions will do for linear layers."""
    layer.weight.copy_(layers[f"{source}.weight"].reshape(layer.weight.shape))
    if layer.bias is not None:
        layer.bias.copy_(layers.get(f"{source}.bias", torch.zeros(())))


def load_pair(conv, norm, layers, source):
    """A convolution, of whose inputs the file may have more behind ours, and a batch norm that undoes its filters' new
    scale and adds the bias."""
    weight = layers[f"{source}.weight"][:, : conv.weight.shape[1]]
    scale = FILTER_RMS / weight.square().mean((1, 2, 3)).sqrt().clamp_min(1e-9)
    conv.weight.copy_(weight * scale[:, None, None, None])
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.copy_(1 / scale)
    norm.bias.copy_(layers[f"{source}.bias"])


def load_wide_context(block, name, layers):
    """Of a ContextBottleneck what load_pair leaves: W widens, and the file has mask W and squeeze W, and the bias of
    what the context adds in that of W. Of the many matrices A with A W as given, the smallest. The mask's bias does
    nothing: a softmax follows."""
    narrow, context = block.body[2][0].weight.shape[1], block.body[3]
    weight, bias = layers[f"{name}.widen.weight"].flatten(1), layers[f"{name}.widen.bias"]
    back = torch.linalg.pinv(weight[:, :narrow])
    for part in ("mask", "squeeze"):
        unfolded = context.get_submodule(part).weight
        unfolded.copy_((layers[f"{name}.context.{part}.weight"].flatten(1) @ back).reshape(unfolded.shape))
    context.squeeze.bias.copy_(layers[f"{name}.context.squeeze.bias"] - context.squeeze.weight @ bias)
    load(context.norm, f"{name}.context.norm", layers)
    context.excite.weight.copy_(weight[:, narrow:])
    nn.init.zeros_(context.mask.bias)
    nn.init.zeros_(context.excite.bias)


@torch.no_grad()
def measure(model, images):
    """Batch norms normalise by what the images bring, and the network computes the same."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    sums = {norm: torch.zeros(2, norm.num_features, dtype=torch.float64) for norm in norms}

    def add(norm, inputs):
        values = inputs[0].double()
        sums[norm] += torch.stack([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))]) * len(values) / len(images)

    hooks = [norm.register_forward_pre_hook(add) for norm in norms]
    for batch in images.split(BATCH):
        model(batch)
    for hook in hooks:
        hook.remove()
    for norm, (mean, square) in sums.items():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(square - mean.square())
        norm.bias += norm.weight * norm.running_mean
        norm.weight *= torch.sqrt(norm.running_var + norm.eps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=[name for name in POSE_MODELS if name.startswith("elpn")])
    for name in ("onnx", "images", "out"):
        parser.add_argument(name)
    args = parser.parse_args()
    try:
        skeleton = get_skeleton(load_model_spec(args.onnx).skeleton)
        model = POSE_MODELS[args.model](skeleton.num_keypoints).eval()
        fill(model, read_layers(args.onnx))
    except (PoseError, KeyError, RuntimeError) as error:
        sys.exit(f"{args.onnx}: expected {args.model} as `pose export` writes it, in float32; got {error!r}")
    measure(model, sample_images(args.images, IMAGES).float())
    save_checkpoint(Path(args.out), model=model.state_dict())
    print(f"{args.out}: {args.model} with the weights of {args.onnx}")


if __name__ == "__main__":
    main()
