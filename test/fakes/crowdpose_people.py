"""Made-up people in CrowdPose's format."""

import numpy as np


def person(number, image_id, rng):
    box = [*rng.uniform(0, 200, 2).tolist(), *rng.uniform(20, 200, 2).tolist()]
    xy = box[:2] + rng.uniform(0, 1, (14, 2)) * box[2:]
    keypoints = np.concatenate([xy, rng.integers(0, 3, (14, 1))], 1)
    counted = int((keypoints[:12, 2] > 0).sum())
    fields = {"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0, "bbox": box}
    return {**fields, "num_keypoints": counted, "keypoints": keypoints.ravel().tolist()}


def made_up(crowd_indices, people=4):
    rng = np.random.default_rng(0)
    images = [{"id": i, "file_name": f"{i}.jpg", "crowdIndex": index} for i, index in enumerate(crowd_indices)]
    annotations = [person(1 + n, n // people, rng) for n in range(people * len(images))]
    return {"images": images, "annotations": annotations}
