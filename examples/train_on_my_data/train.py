"""Train a network on your own data, export it as an ONNX model, and use it.

Run: python examples/train_on_my_data/train.py my_data image.jpg [key=value ...]
recipe.yaml, beside this file, says how my_data has to look and what is trained; key=value changes the recipe, such as
epochs=10. Needs pip install 'pose_estimation_ros[train]'. Ctrl-C saves, and the same command goes on from there.
"""

import sys
from pathlib import Path

import cv2

from pose_estimation_ros import PoseEstimator
from pose_estimation_ros.training.export.export import export
from pose_estimation_ros.training.recipe import load_recipe
from pose_estimation_ros.training.train import train

if len(sys.argv) < 3:
    sys.exit(__doc__)
data, picture, *changes = sys.argv[1:]
recipe = load_recipe(Path(__file__).with_name("recipe.yaml"), [f"data_root={data}", *changes])

checkpoint = train(recipe)  # writes runs/my_model: checkpoints, log.csv and pictures
model, difference = export(checkpoint, recipe.run_dir)  # writes my_model.onnx and its spec, my_model.json
print(f"{model}: ONNX Runtime differs from torch by {difference:.1e} at most")

with PoseEstimator(model) as estimate:
    print(estimate(cv2.imread(picture)))
