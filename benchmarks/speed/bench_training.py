"""Measure the CPU time of loading crops and of training on them, and the training speed of each family.

It prints three tables: loading one augmented crop against training on it, each family against HRNet-W32, and networks
with depthwise convolutions in float32 and bf16, with torch's gradients and with ours, in one run on one thread.
Processor time is measured, because other programs may run at the same time. A ratio under 1 means that one worker
process keeps up with one training process. Run: python benchmarks/speed/bench_training.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.training.data.top_down import TopDownDataset
from pose_estimation_ros.training.losses.heatmap import masked_mse
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.layers import DepthwiseConv2d
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source

BATCH, ROUNDS = 32, 1
SIZES_WH = ((192, 256), (96, 128))
MODEL = "elpn_v1"
FAMILIES = (
    "hrnet_w32",
    "nam_hrnet_w32",
    "goatpose_bl",
    "elpn_v1",
    "elpn_v2",
    "el_hrnet_w32",
    "litepose_xs",
    "wlitepose_xs",
)


def make_crops(folder: Path, count: int = BATCH) -> None:
    """Write images in place of the crop pack, of its size (192x256 JPEG, about 8 kB), so that no data are needed."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(count):
        picture = cv2.resize(rng.integers(0, 256, (32, 24, 3)).astype(np.uint8), (192, 256))
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)
        keypoints = np.column_stack([rng.uniform(30, 160, 17), rng.uniform(30, 220, 17), np.full(17, 2)])
        images.append({"id": number, "file_name": f"{number}.jpg"})
        person = {"id": number, "image_id": number, "bbox": [20, 26, 154, 204], "keypoints": keypoints.ravel().tolist()}
        annotations.append({**person, "num_keypoints": 17})
    write_json(str(folder / "persons.json"), {"images": images, "annotations": annotations})


def loading(dataset: TopDownDataset) -> float:
    """Measure the seconds of processor time to load a crop."""
    started = time.process_time()
    for index in range(len(dataset)):
        dataset[index]
    return (time.process_time() - started) / len(dataset)


def training(dataset: TopDownDataset, model: nn.Module, optimizer: torch.optim.Optimizer) -> float:
    """Measure the seconds of processor time per crop of a step: forward, loss, backward, optimizer."""
    batch = torch.utils.data.default_collate([dataset[index] for index in range(BATCH)])
    started = time.process_time()
    heatmaps = model(batch["image"].contiguous(memory_format=torch.channels_last))["heatmaps"]
    optimizer.zero_grad()
    masked_mse(heatmaps, batch["heatmaps"], batch["weight"]).backward()
    optimizer.step()
    return (time.process_time() - started) / BATCH


def measure(folder: Path, size_wh: Sequence[int]) -> tuple[float, float]:
    """Measure the median milliseconds per crop of loading and of training, in turns, after a warm-up round."""
    source = Source("persons.json", ".")
    augmentation = Augmentation(rotation_deg=40, scale=0.3, half_body=0.3, color=0.15)
    recipe = Recipe(data_root=str(folder), train=[source], input_size_wh=[*size_wh], augmentation=augmentation)
    dataset = TopDownDataset(recipe, recipe.train, augment=True)
    model = POSE_MODELS[MODEL](17).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    rounds = [(loading(dataset), training(dataset, model, optimizer)) for _ in range(ROUNDS + 1)]
    load, train = 1e3 * np.median(rounds[1:], axis=0)
    return load, train


def training_families() -> Iterator[tuple[str, tuple[int, int], float, float]]:
    """Yield name, input size, images/s of a forward and backward pass, and their ratio to HRNet-W32's."""
    baseline: dict[tuple[int, int], float] = {}
    for name in FAMILIES:
        size_wh = (256, 256) if name in BOTTOM_UP_MODELS else (96, 128)
        for model in (["hrnet_w32"] if size_wh not in baseline else []) + [name]:
            speed = images_per_second(model, size_wh)
            baseline.setdefault(size_wh, speed)
        yield name, size_wh, speed, speed / baseline[size_wh]


def images_per_second(name: str, size_wh: Sequence[int], batch: int = 4) -> float:
    """Measure the images per second of processor time of a forward and backward pass."""
    model = {**POSE_MODELS, **BOTTOM_UP_MODELS}[name](17).train()
    images = torch.zeros(batch, 3, size_wh[1], size_wh[0])
    for _ in range(2):  # the first is a warm-up
        started = time.process_time()
        sum(output.square().mean() for output in model(images).values()).backward()
        seconds = time.process_time() - started
    return batch / seconds


def training_precisions(name: str, size_wh: Sequence[int]) -> dict[str, float]:
    """Measure the images per second of a forward and backward pass in float32, in bf16, and with torch's gradients.

    Args:
        name: name of the network.
        size_wh: size of the input, px.
    """
    ours, torchs = ({**POSE_MODELS, **BOTTOM_UP_MODELS}[name](17).train() for _ in range(2))
    for module in torchs.modules():
        if isinstance(module, DepthwiseConv2d):
            module.__class__ = nn.Conv2d  # type: ignore[assignment]
    ways = {"float32": (ours, False), "bf16, torch's gradients": (torchs, True), "bf16": (ours, True)}
    images = torch.zeros(16, 3, size_wh[1], size_wh[0]).contiguous(memory_format=torch.channels_last)
    fastest = dict.fromkeys(ways, float("inf"))
    for _ in range(3):  # in turns; the first is a warm-up
        for way, (model, is_mixed) in ways.items():
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            started = time.process_time()
            with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
                loss = sum(output.float().square().mean() for output in model(images).values())
            loss.backward()  # type: ignore[union-attr]
            fastest[way] = min(fastest[way], time.process_time() - started)
    return {way: len(images) / seconds for way, seconds in fastest.items()}


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"{'one thread, processor time':46} {'load ms':>9} {'train ms':>14} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        make_crops(Path(folder))
        for size_wh in SIZES_WH:
            load, train = measure(Path(folder), size_wh)
            name = f"crop of {size_wh[0]}x{size_wh[1]}, {MODEL}, batch {BATCH}"
            print(f"{name:46} {load:9.3f} {train:14.3f} {load / train:6.3f}")
    print(f"\n{'training, one thread, processor time':46} {'images/s':>9} {'of HRNet-W32':>14}")
    for name, size_wh, speed, ratio in training_families():
        print(f"{f'{name} at {size_wh[0]}x{size_wh[1]}':46} {speed:9.2f} {ratio:14.2f}")
    print(f"\n{'training, one thread, processor time':46} {'images/s':>9} {'of float32':>14}")
    for name, size_wh in (("lite0_fpn", (192, 256)), ("litepose_xs", (256, 256))):
        speeds = training_precisions(name, size_wh)
        for way, speed in speeds.items():
            print(f"{f'{name}, {way}':46} {speed:9.2f} {speed / speeds['float32']:14.2f}")


if __name__ == "__main__":
    main()
