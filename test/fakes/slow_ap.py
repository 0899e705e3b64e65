"""Compute COCO's and CrowdPose's AP person by person, without pycocotools, as the reference for the evaluators."""

import math

import numpy as np

THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
RECALLS = np.linspace(0, 1, 101)
ANY, MEDIUM, LARGE = (0, 1e10), (32**2, 96**2), (96**2, 1e10)


def oks(truth, result, sigmas, area):
    """Return the OKS of a result; for annotations without keypoints, from the distance to the doubled box."""
    left, top, width, height = truth["bbox"]
    labelled = [k for k in range(len(sigmas)) if truth["keypoints"][3 * k + 2] > 0]
    total = 0.0
    for k in labelled or range(len(sigmas)):
        x, y = result["keypoints"][3 * k : 3 * k + 2]
        if labelled:
            dx, dy = x - truth["keypoints"][3 * k], y - truth["keypoints"][3 * k + 1]
        else:
            dx = max(0, left - width - x) + max(0, x - left - 2 * width)
            dy = max(0, top - height - y) + max(0, y - top - 2 * height)
        total += math.exp(-(dx**2 + dy**2) / (2 * area * (2 * sigmas[k]) ** 2))
    return total / (len(labelled) or len(sigmas))


def extent(result):
    """Return the area of the box around a result's keypoints."""
    x, y = result["keypoints"][0::3], result["keypoints"][1::3]
    return (max(x) - min(x)) * (max(y) - min(y))


def outcomes(truths, predictions, similarity, threshold, area_of, between):
    """Return (score, "right", "wrong" or "ignored") of each result of one image, and the number of people to find."""
    low, high = between
    counted = [t["num_keypoints"] > 0 and not t["iscrowd"] and low <= area_of(t) <= high for t in truths]
    taken, rows = set(), []
    for f in sorted(range(len(predictions)), key=lambda f: -predictions[f]["score"])[:20]:
        free = [
            t for t in range(len(truths)) if similarity[f][t] >= threshold and (t not in taken or truths[t]["iscrowd"])
        ]
        best = max((t for t in free if counted[t]), key=lambda t: (similarity[f][t], t), default=None)
        other = max((t for t in free if not counted[t]), key=lambda t: (similarity[f][t], t), default=None)
        taken |= {other if best is None else best}
        if best is not None:
            outcome = "right"
        else:
            outcome = "wrong" if other is None and low <= extent(predictions[f]) <= high else "ignored"
        rows.append((predictions[f]["score"], outcome))
    return rows, sum(counted)


def precision_and_recall(rows, persons):
    """Return the mean over 101 recalls of the best precision at that recall or more, and the recall of all results."""
    points, right, wrong = [], 0, 0
    for _, outcome in sorted(rows, key=lambda row: -row[0]):
        right, wrong = right + (outcome == "right"), wrong + (outcome == "wrong")
        if right + wrong:
            points.append((right / persons, right / (right + wrong)))
    best = [max((precision for recall, precision in points if recall >= r), default=0) for r in RECALLS]
    return sum(best) / len(best), right / persons


def slow_ap(images, annotations, results, sigmas, area_of, between=ANY):
    """Return lists of AP and recall (0 to 100) at the 10 thresholds; -1 if there is nobody to find."""
    similarity, groups = {}, {}
    for image in sorted(images):
        truths = [a for a in annotations if a["image_id"] == image]
        predictions = [r for r in results if r["image_id"] == image]
        groups[image] = truths, predictions
        similarity[image] = [[oks(t, f, sigmas, area_of(t)) for t in truths] for f in predictions]
    figures = []
    for threshold in THRESHOLDS:
        rows, persons = [], 0
        for image, (truths, predictions) in groups.items():
            image_rows, people = outcomes(truths, predictions, similarity[image], threshold, area_of, between)
            rows, persons = rows + image_rows, persons + people
        figures.append([100 * f for f in precision_and_recall(rows, persons)] if persons else [-1, -1])
    return [list(column) for column in zip(*figures)]


def jittered(annotations, rng, amount=0.06):
    """Return results near the annotations: some missing, some twice, some far away, and some with equal scores."""
    results = []
    for person in annotations:
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            keypoints = np.array(person["keypoints"], float).reshape(-1, 3)
            away = rng.choice([0, 0, 0, 0, 1]) * rng.uniform(-300, 300, 2)
            spread = amount * rng.choice([0.3, 1, 2]) * math.sqrt(person["bbox"][2] * person["bbox"][3])
            keypoints[:, :2] += away + rng.normal(0, spread, (len(keypoints), 2))
            score = float(rng.integers(1, 20)) / 20
            fields = {"image_id": person["image_id"], "category_id": 1, "score": score}
            results.append({**fields, "keypoints": keypoints.ravel().tolist()})
    return results
