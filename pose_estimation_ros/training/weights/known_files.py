"""Name published files by their checksums, as far as these are public."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

CHUNK = 2**20  # bytes read at once
# torch.hub's convention: a name ends with the first eight or more digits of the file's sha256.
IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


class KnownFile(NamedTuple):
    """Describe a file whose checksum is public.

    Attributes:
        name: its name.
        content: network and data that it was trained on.
        stated: where the checksum, or the name that contains it, is published.
        digits: first digits of its sha256 or sha384; those in the name where they are empty.
    """

    name: str
    content: str
    stated: str
    digits: str = ""


HRNET = "README of github.com/HRNet/HRNet-Human-Pose-Estimation"
OPEN_MODEL_ZOO = "openvinotoolkit/open_model_zoo, higher-hrnet-w32-human-pose-estimation/model.yml"
TIMM = "timm/models/hrnet.py of timm before its weights moved to Hugging Face"
MMCV = "the mirror of OpenMMLab, download.openmmlab.com/pretrain/third_party"
TORCHVISION = "torchvision/models/resnet.py"
KNOWN_FILES = [
    KnownFile(
        "pose_higher_hrnet_w32_512.pth",
        "HigherHRNet-W32, COCO",
        OPEN_MODEL_ZOO,
        "d344fcc4e426308139397bd708be1c59500e038a540ea0979b6a10556b5f3530701d86c0cab276fc5710419f91879e3d",
    ),
    KnownFile("hrnet_w32-36af842e.pth", "HRNet-W32, ImageNet", HRNET),
    KnownFile("hrnet_w48-8ef0771d.pth", "HRNet-W48, ImageNet", HRNET),
    KnownFile("hrnetv2_w32-90d8c5fb.pth", "HRNet-W32, ImageNet", TIMM),
    KnownFile("hrnetv2_w48-abd2e6ab.pth", "HRNet-W48, ImageNet", TIMM),
    KnownFile("hrnetv2_w32-dc9eeb4f.pth", "HRNet-W32, ImageNet", MMCV),
    KnownFile("hrnetv2_w48-d2186c55.pth", "HRNet-W48, ImageNet", MMCV),
    KnownFile("resnet50-19c8e357.pth", "ResNet-50, ImageNet", TORCHVISION),
    KnownFile("resnet50-0676ba61.pth", "ResNet-50, ImageNet", TORCHVISION),
    KnownFile("resnet50-11ad3fa6.pth", "ResNet-50, ImageNet", TORCHVISION),
    KnownFile("resnet101-5d3b4d8f.pth", "ResNet-101, ImageNet", TORCHVISION),
    KnownFile("resnet101-63fe2227.pth", "ResNet-101, ImageNet", TORCHVISION),
    KnownFile("resnet101-cd907fc2.pth", "ResNet-101, ImageNet", TORCHVISION),
    KnownFile("resnet152-b121ed2d.pth", "ResNet-152, ImageNet", TORCHVISION),
    KnownFile("resnet152-394f9c45.pth", "ResNet-152, ImageNet", TORCHVISION),
    KnownFile("resnet152-f82ba261.pth", "ResNet-152, ImageNet", TORCHVISION),
]


def checksums(path: str | Path) -> tuple[str, str]:
    """Compute a file's sha256 and sha384, the one that Open Model Zoo states, in one reading of the file."""
    sha256, sha384 = hashlib.sha256(), hashlib.sha384()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            sha384.update(chunk)
    return sha256.hexdigest(), sha384.hexdigest()


def origin(name: str, sums: tuple[str, str]) -> str:
    """Say which known file a file is, or that its name claims another content than it has.

    Args:
        name: the file's name.
        sums: its checksums.
    """
    for known in KNOWN_FILES:
        digits = known.digits or in_name(known.name)
        if any(value.startswith(digits) for value in sums):
            return f"{known.name}, {known.content}, as stated in {known.stated}"
    claimed = in_name(name)
    if claimed and not sums[0].startswith(claimed):
        return f"not a known file, and not the one that the digits {claimed} of its name stand for"
    return "not a known file"


def in_name(name: str) -> str:
    """Return the digits of a sha256 at the end of a file's name, "" where there are none."""
    match = IN_NAME.search(name)
    return match[1] if match else ""
