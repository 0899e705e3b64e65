"""Write YOLO11n-pose with untrained weights as an ONNX file of 640x640 px. It runs in Ultralytics' own environment.

Network and export are those of the package ultralytics (AGPL-3.0). The published weights would have to be downloaded
from a place that not every machine reaches, and the time does not depend on them. The package asks for the version of
torchvision when it is imported, and uses torchvision only to suppress duplicates and for other tasks. So the question
is answered where torchvision is missing.
Run by bench_peers.py: python yolo_export.py FILE.onnx
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from unittest import mock

NETWORK = "yolo11n-pose.yaml"
INPUT_PX = 640
real_version = importlib.metadata.version


def version(package: str) -> str:
    """Return the version of an installed package; for torchvision any."""
    return "0.28.0" if package == "torchvision" else real_version(package)


def main(path: str) -> None:
    """Build the network for one class, people, and export it."""
    with mock.patch("importlib.metadata.version", version):
        from ultralytics import YOLO
        from ultralytics.nn.tasks import PoseModel
    model = YOLO(NETWORK)
    one_class = PoseModel(NETWORK, nc=1, verbose=False)  # as the published network; the package's file says 80
    one_class.task, one_class.args = model.model.task, model.model.args
    model.model = one_class
    os.replace(model.export(format="onnx", imgsz=INPUT_PX, simplify=False), path)


if __name__ == "__main__":
    main(sys.argv[1])
