"""Train a network on keypoints of your own, here of the hands that make_hands.py wrote, export it, and use it.

Run: python examples/train_my_skeleton/train.py my_hands hands.png [key=value ...]
recipe.yaml, beside this file, says what is trained; key=value changes it, such as epochs=2. hands.png shows what the
network finds in images that it was not trained on. Needs pip install 'pose_estimation_ros[train]'. Afterwards:
pose predict my_hands/val/0000.png --model runs/my_hand/my_hand.onnx --detector full_frame --out out
ros2 launch pose_estimation_ros cpu.launch.py model:=$PWD/runs/my_hand/my_hand.onnx detector:=full_frame
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from pose_estimation_ros import PoseEstimator, draw_poses
from pose_estimation_ros.training.export.export import export
from pose_estimation_ros.training.recipe import load_recipe
from pose_estimation_ros.training.train import train

if len(sys.argv) < 3:
    sys.exit(__doc__)
data, picture, *changes = sys.argv[1:]
recipe = load_recipe(Path(__file__).with_name("recipe.yaml"), [f"data_root={data}", *changes])
model, _ = export(train(recipe), recipe.run_dir)  # writes my_hand.onnx and its spec, my_hand.json

content, errors, drawn = json.loads(Path(data, "val.json").read_text()), [], []
# One hand fills the view; whatever is found counts, however low its score.
with PoseEstimator(model, detector="full_frame", person_threshold=0.0, score_threshold=0.0) as estimate:
    for image, hand in zip(content["images"], content["annotations"], strict=True):
        frame = cv2.imread(str(Path(data, "val", image["file_name"])))
        poses = estimate(frame)
        truth = np.reshape(hand["keypoints"], (-1, 3))[:, :2]
        errors += [np.linalg.norm(xy - truth, axis=1) for xy in poses.xy]
        drawn.append(draw_poses(cv2.resize(frame, None, fx=2, fy=2), poses.replace(xy=2 * poses.xy)))
cv2.imwrite(picture, cv2.hconcat(drawn[:4]))
found = f"{len(errors)} of {len(drawn)} hands found"
print(f"{model}: {found}, keypoints {np.mean(errors):.1f} px from the truth (median {np.median(errors):.1f})")
