#!/usr/bin/env python3
"""A checkpoint from which LitePose-XS starts: a backbone like the person detector's, in LitePose's widths.

    python -m tools.litepose_start DETECTOR.ckpt ../shared/data/boxes/images_train.tar OUT.ckpt

Both are made of MobileNetV2's blocks, between which features flow without a nonlinearity: so they can be turned to
their principal components and the last left out. Inside a block the hidden channels that say most are kept, and the 1x1
behind them is fitted by least squares to what the large block adds, given what the small one before it found (He et al.
2017, "Channel Pruning", eq. 4). Further blocks begin as the identity. The depthwise kernels stay those of
EfficientNet-Lite0: model_options={kernels: [3, 5, 3, 5]}; a recipe's grow_from makes 7x7 of them.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pose_estimation_ros.core.geometry import letterbox_matrix
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.training.checkpoint import load_weights, save_checkpoint
from pose_estimation_ros.training.data.images import ImageStore
from pose_estimation_ros.training.models.efficientnet_lite import STAGES
from pose_estimation_ros.training.models.litepose import litepose_xs
from pose_estimation_ros.training.models.person_detector import PersonDetector

KERNELS = [kernel for _, kernel, _, _ in STAGES]
SIDE = 256
RIDGE = 1e-4  # of the hidden channels' mean square, so that channels that are always 0 do not matter


class Stream(NamedTuple):
    """Features of the large backbone (N, C, h, w) and of the small one (N, c, h, w), which stand for them:
    large = mean + basis @ small, but for what is lost; mean (C,), basis (C, c) orthonormal."""

    large: Tensor
    small: Tensor
    mean: Tensor
    basis: Tensor


def sample_images(location, count):
    """(count, 3, SIDE, SIDE) RGB, spread evenly over the images of a folder or of tar files."""
    store = ImageStore(location)
    names = sorted(store.names())
    frames = [store.read(names[i * len(names) // count]) for i in range(count)]
    boxed = [warp_crops(f, letterbox_matrix(f.shape[1::-1], (SIDE, SIDE))[None], (SIDE, SIDE)) for f in frames]
    return torch.from_numpy(np.concatenate(boxed))


def columns(features):
    """(N, C, h, w) -> (N h w, C)"""
    return features.permute(0, 2, 3, 1).flatten(0, 2)


def principal(features, count):
    """mean (C,) and the first principal directions (C, count) of (N, C, h, w)."""
    values = columns(features)
    mean = values.mean(0)
    _, vectors = torch.linalg.eigh((values - mean).T @ (values - mean))
    return mean, vectors.flip(1)[:, :count]


@torch.no_grad()
def shrink(large, small, images):
    """Fills ``small``, a LitePose's backbone; yields the share of the variance that is left behind each stage."""
    small.stem.load_state_dict(large.parts[0].state_dict())
    features = small.stem(images)
    width = features.shape[1]
    stream = Stream(features, features, torch.zeros(width), torch.eye(width))
    for theirs, ours in zip(large.parts[1:], small.stages, strict=True):
        maps = [stream.large]
        maps.extend(block(maps[-1]) for block in theirs)
        mean, basis = principal(maps[-1], ours[0].body[2][0].out_channels)
        for block, own, found in zip(theirs, ours, maps[1:], strict=False):
            stream = shrink_block(block, own, stream, Stream(found, found, mean, basis))
        for further in ours[len(theirs) :]:
            further.body[2][1].weight.zero_()
        yield explained(stream)


def shrink_block(theirs, ours, before, after):
    """Fills the block ``ours``; ``after`` with what it makes of the features before it as its small ones."""
    wanted = torch.einsum("nchw,cd->ndhw", after.large - after.mean.view(-1, 1, 1), after.basis)
    kept = strongest(theirs.body, before.large, after.basis, ours.body[0][0].out_channels)
    expand, depthwise = theirs.body[0][0].weight[kept, :, 0, 0], theirs.body[1][0].weight[kept]
    ours.body[0][0].weight.copy_((expand @ before.basis)[:, :, None, None])
    ours.body[1][0].weight.copy_(depthwise)
    for layer in (0, 1):
        for key in ("weight", "bias", "running_mean", "running_var"):
            getattr(ours.body[layer][1], key).copy_(getattr(theirs.body[layer][1], key)[kept])
    ours.body[0][1].running_mean -= expand @ before.mean
    fit(ours.body, before.small, wanted - before.small if ours.residual else wanted)
    return after._replace(small=ours(before.small))


def strongest(body, features, basis, count):
    """Indices of the hidden channels whose spread weighs most in what the block adds, in the directions kept."""
    spread = columns(body[1](body[0](features))).std(0)
    project, norm = body[2]
    out = project.weight[:, :, 0, 0] * (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None]
    return (spread * (basis.T @ out).norm(dim=0)).topk(count).indices.sort().values


def fit(body, features, wanted):
    """The last 1x1 by least squares, and a batch norm behind it that knows these statistics and changes nothing."""
    hidden, target = columns(body[1](body[0](features))).double(), columns(wanted).double()
    mean, offset = hidden.mean(0), target.mean(0)
    squares = (hidden - mean).T @ (hidden - mean)
    ridge = RIDGE * squares.diagonal().mean() * torch.eye(len(squares), dtype=squares.dtype)
    weight = torch.linalg.solve(squares + ridge, (hidden - mean).T @ (target - offset)).T
    project, norm = body[2]
    project.weight.copy_(weight[:, :, None, None])
    norm.running_mean.copy_(weight @ mean)
    norm.running_var.copy_(((hidden - mean) @ weight.T).square().mean(0))
    norm.weight.copy_((norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(offset)


def explained(stream):
    """Share of the large features' variance that the small ones explain."""
    lost = columns(stream.large) - stream.mean - columns(stream.small) @ stream.basis.T
    return 1 - (lost.square().sum() / (columns(stream.large) - stream.mean).square().sum()).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", help="checkpoint of a person detector, or of tools/imagenet_start.py")
    parser.add_argument("images", help="folder, or glob of tar files")
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=64, help="images to fit to (default: %(default)s)")
    args = parser.parse_args()
    torch.manual_seed(1)
    detector, model = PersonDetector().eval(), litepose_xs(kernels=KERNELS).eval()
    load_weights(detector, args.detector)
    for stage, share in enumerate(shrink(detector.backbone, model.backbone, sample_images(args.images, args.count)), 1):
        print(f"stage {stage}: {share:.1%} of the features' variance")
    save_checkpoint(args.out, model=model.state_dict())


if __name__ == "__main__":
    main()
