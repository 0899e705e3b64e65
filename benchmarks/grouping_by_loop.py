"""Grouping as HigherHRNet's test code does it: one joint of one person at a time, refinement of all of them."""

import cv2
import numpy as np

from pose_estimation_ros.core.hungarian import assign


def group_by_loop(heatmaps, tags, order, max_people=30, threshold=0.1, tag_threshold=1.0):
    """As core.grouping.group, for tags (K, h, w); NMS is OpenCV's, in place of torch's."""
    people = []
    for k in order:
        places, known = top_places(heatmaps[k], max_people, threshold), len(people)
        means = [np.mean([tags[j][place] for j, place in person.items()]) for person in people]
        distance = np.array([[min(abs(tags[k][place] - mean), tag_threshold) for mean in means] for place in places])
        distance = distance.reshape(len(places), known)
        scores = np.array([heatmaps[k][place] for place in places])
        for row, column in enumerate(assign(np.round(distance) * 100 - scores[:, None] + 1e-6 * distance**2)):
            if column >= 0 and distance[row, column] < tag_threshold:
                people[column][k] = places[row]
            elif len(people) < max_people:
                people.append({k: places[row]})
    found = [refine(heatmaps, tags, person, tag_threshold) for person in people]
    score = [sum(heatmaps[k][place] for k, place in person.items()) / len(heatmaps) for person in people]
    return np.array([xy for xy, _ in found]), np.array([s for _, s in found]), np.array(score)


def top_places(heatmap, most, threshold):
    peaks = np.where(heatmap == cv2.dilate(heatmap, np.ones((5, 5))), heatmap, 0).ravel()
    best = np.argpartition(-peaks, most)[:most]
    best = best[np.argsort(-peaks[best])]
    return [tuple(np.unravel_index(i, heatmap.shape)) for i in best if peaks[i] > threshold]


def refine(heatmaps, tags, person, tag_threshold):
    """xy (K, 2) and score (K,) of one person."""
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
    place = np.array([x, y], float)
    if 0 < x < heatmap.shape[1] - 1:
        place[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 0 < y < heatmap.shape[0] - 1:
        place[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return place
