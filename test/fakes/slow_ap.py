"""COCO's and CrowdPose's AP written out person by person, without pycocotools: what the evaluators must agree with."""

import math

import numpy as np

THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
RECALLS = np.linspace(0, 1, 101)
ANY, MEDIUM, LARGE = (0, 1e10), (32**2, 96**2), (96**2, 1e10)


def oks(truth, found, sigmas, area):
    """Of an annotation and a result; of someone without keypoints: how far outside their doubled box the result is."""
    left, top, width, height = truth["bbox"]
    labelled = [k for k in range(len(sigmas)) if truth["keypoints"][3 * k + 2] > 0]
    total = 0.0
    for k in labelled or range(len(sigmas)):
        x, y = found["keypoints"][3 * k : 3 * k + 2]
        if labelled:
            dx, dy = x - truth["keypoints"][3 * k], y - truth["keypoints"][3 * k + 1]
        else:
            dx = max(0, left - width - x) + max(0, x - left - 2 * width)
            dy = max(0, top - height - y) + max(0, y - top - 2 * height)
        total += math.exp(-(dx**2 + dy**2) / (2 * area * (2 * sigmas[k]) ** 2))
    return total / (len(labelled) or len(sigmas))


def extent(found):
    """Area of the box about a result's keypoints."""
    x, y = found["keypoints"][0::3], found["keypoints"][1::3]
    return (max(x) - min(x)) * (max(y) - min(y))


def outcomes(truths, founds, likeness, threshold, area_of, between):
    """(score, "right", "wrong" or "ignored") of each result of one image, and how many people there were to find."""
    low, high = between
    counted = [t["num_keypoints"] > 0 and not t["iscrowd"] and low <= area_of(t) <= high for t in truths]
    taken, rows = set(), []
    for f in sorted(range(len(founds)), key=lambda f: -founds[f]["score"])[:20]:
        free = [
            t for t in range(len(truths)) if likeness[f][t] >= threshold and (t not in taken or truths[t]["iscrowd"])
        ]
        best = max((t for t in free if counted[t]), key=lambda t: (likeness[f][t], t), default=None)
        other = max((t for t in free if not counted[t]), key=lambda t: (likeness[f][t], t), default=None)
        taken |= {other if best is None else best}
        if best is not None:
            outcome = "right"
        else:
            outcome = "wrong" if other is None and low <= extent(founds[f]) <= high else "ignored"
        rows.append((founds[f]["score"], outcome))
    return rows, sum(counted)


def precision_and_recall(rows, persons):
    """Mean over 101 recalls of the best precision at that recall or more; the recall of all."""
    points, right, wrong = [], 0, 0
    for _, outcome in sorted(rows, key=lambda row: -row[0]):
        right, wrong = right + (outcome == "right"), wrong + (outcome == "wrong")
        if right + wrong:
            points.append((right / persons, right / (right + wrong)))
    best = [max((precision for recall, precision in points if recall >= r), default=0) for r in RECALLS]
    return sum(best) / len(best), right / persons


def slow_ap(images, annotations, results, sigmas, area_of, between=ANY):
    """(AP, recall) in 0..100 by threshold, two lists of 10; -1 where there is nobody to find."""
    likeness, groups = {}, {}
    for image in sorted(images):
        truths = [a for a in annotations if a["image_id"] == image]
        founds = [r for r in results if r["image_id"] == image]
        groups[image] = truths, founds
        likeness[image] = [[oks(t, f, sigmas, area_of(t)) for t in truths] for f in founds]
    figures = []
    for threshold in THRESHOLDS:
        rows, persons = [], 0
        for image, (truths, founds) in groups.items():
            own, people = outcomes(truths, founds, likeness[image], threshold, area_of, between)
            rows, persons = rows + own, persons + people
        figures.append([100 * f for f in precision_and_recall(rows, persons)] if persons else [-1, -1])
    return [list(column) for column in zip(*figures)]


def jittered(annotations, rng, amount=0.06):
    """Results near the annotations: some missed, some twice, some nowhere, with equal scores among them."""
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
