"""Write toy hands as data in COCO's format. The category "hand" of the annotations names the keypoints and links.

Run: python examples/train_my_skeleton/make_hands.py my_hands
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from draw_hand import CHAINS, FINGERS, SIZE, draw_hand

if len(sys.argv) != 2:
    sys.exit(__doc__)
folder, rng = Path(sys.argv[1]), np.random.default_rng(0)
names = ["wrist"] + [f"{finger}_{joint}" for finger in FINGERS for joint in ("base", "middle", "end", "tip")]
links = [[a + 1, b + 1] for chain in CHAINS for a, b in zip(chain[:-1], chain[1:], strict=True)]  # COCO counts from 1
category = {"id": 1, "name": "hand", "keypoints": names, "skeleton": links}

for part, count in (("train", 1000), ("val", 50)):
    (folder / part).mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(count):
        image, xy = draw_hand(rng)
        file_name = f"{number:04d}.png"
        cv2.imwrite(str(folder / part / file_name), image)
        images.append({"id": number, "file_name": file_name, "width": SIZE, "height": SIZE})
        x, y = xy.min(0) - 6
        width, height = np.ptp(xy, 0) + 12
        keypoints = [value for point in xy for value in (*point, 2)]  # 2: visible
        hand = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "num_keypoints": len(names)}
        annotations.append({**hand, "keypoints": keypoints, "bbox": [x, y, width, height], "area": width * height / 2})
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / f"{part}.json").write_text(json.dumps(content))
