"""Group keypoints into people one joint of one person at a time, as the test code of HigherHRNet does.

The method is that of "HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation",
arXiv:1908.10357; bench_core.py compares core/grouping.py with it.
"""

import cv2
import numpy as np

from pose_estimation_ros.core.hungarian import assign


def group_by_loop(heatmaps, tags, order, max_people=30, threshold=0.1, tag_threshold=1.0):
    """Group the peaks of heatmaps by their tags, with the same result as core.grouping.group.

    Args:
        heatmaps: (K, h, w) float32.
        tags: (K, h, w) float32.
        order: Order in which joints are assigned.
        max_people: Largest number of people, and of peaks per joint.
        threshold: Peaks must be higher.
        tag_threshold: The tags of a person's joints differ from their mean by less.

    Returns:
        xy (P, K, 2) in px of the heatmaps, score (P, K) and person score (P,).
    """
    people = []
    for k in order:
        places, count = top_places(heatmaps[k], max_people, threshold), len(people)
        means = [np.mean([tags[j][place] for j, place in person.items()]) for person in people]
        distance = np.array([[min(abs(tags[k][place] - mean), tag_threshold) for mean in means] for place in places])
        distance = distance.reshape(len(places), count)
        scores = np.array([heatmaps[k][place] for place in places])
        for row, column in enumerate(assign(np.round(distance) * 100 - scores[:, None] + 1e-6 * distance**2)):
            if column >= 0 and distance[row, column] < tag_threshold:
                people[column][k] = places[row]
            elif len(people) < max_people:
                people.append({k: places[row]})
    refined = [refine(heatmaps, tags, person, tag_threshold) for person in people]
    score = [sum(heatmaps[k][place] for k, place in person.items()) / len(heatmaps) for person in people]
    return np.array([xy for xy, _ in refined]), np.array([s for _, s in refined]), np.array(score)


def top_places(heatmap, most, threshold):
    """Find the highest local maxima above a threshold with OpenCV; return their (row, column), the highest first."""
    peaks = np.where(heatmap == cv2.dilate(heatmap, np.ones((5, 5))), heatmap, 0).ravel()
    best = np.argpartition(-peaks, most)[:most]
    best = best[np.argsort(-peaks[best])]
    return [tuple(np.unravel_index(i, heatmap.shape)) for i in best if peaks[i] > threshold]


def refine(heatmaps, tags, person, tag_threshold):
    """Look for the joints that a person lacks.

    Args:
        heatmaps: (K, h, w).
        tags: (K, h, w).
        person: {joint: (row, column)} of the joints in the group.
        tag_threshold: A joint's tag differs from the person's mean tag by less.

    Returns:
        xy (K, 2) in px of the heatmaps and score (K,), 0 where no joint was found.
    """
    xy, score = np.zeros((len(heatmaps), 2)), np.zeros(len(heatmaps))
    mean = np.mean([tags[k][place] for k, place in person.items()])
    for k, heatmap in enumerate(heatmaps):
        distance = ((tags[k] - mean) ** 2) ** 0.5
        place = np.unravel_index(np.argmax(heatmap - np.round(distance)), heatmap.shape)
        place = person.get(k, place)
        if k in person or (distance[place] < tag_threshold and heatmap[place] > 0):
            xy[k], score[k] = quarter_offset(heatmap, *place), heatmap[place]
    return xy, score


def quarter_offset(heatmap, y, x):
    """Return the peak (x, y) moved by a quarter of a pixel towards its higher neighbour along each axis."""
    place = np.array([x, y], float)
    if 0 < x < heatmap.shape[1] - 1:
        place[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 0 < y < heatmap.shape[0] - 1:
        place[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return place
