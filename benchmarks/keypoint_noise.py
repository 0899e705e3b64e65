"""How wrong the keypoints of a real model are, joint by joint: the noise that benchmarks/scenes.py puts on exact truth.

Two measures, both in parts of the person's box height:
  coco_val  error against the annotation, of labelled joints of persons of 96 px or more, in ground-truth boxes. It
            holds what stays from frame to frame (a joint taken for another) as well as what flickers.
  clip      flicker alone: distance of a keypoint from the middle of the ones before and after it in a track, times
            sqrt(2 / 3), which is the standard deviation of white noise; what the person's acceleration adds is small at
            the torso and large at the ankles (the clip has 10 frames a second), so the median over the track is taken.
            Jumps are steps over a tenth of the height more than the middle of the person's keypoints makes: spells of
            another limb being found begin or end. Persons missed between a track's first frame and last are counted.
Run: python benchmarks/keypoint_noise.py [--model elpn_v1_coco]
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import build_pipeline
from pose_estimation_ros.inference.top_down import TopDown

ROOT = Path(__file__).parents[1]
COCO_VAL = ROOT.parent / "shared/data/coco_val"
CLIP = ROOT / "test/data/pedestrians.mp4"
FOUND = 0.2  # PipelineOptions.score_threshold
CLIP_HZ = 10
GROSS = 0.10  # of the height: another limb was found, or something else
NAMES = [name.split("_")[-1] for name in get_skeleton("coco17").keypoints]
JOINTS = list(dict.fromkeys(NAMES))


def annotated(min_height=96):
    """Image path, keypoints (n, 17, 3) and boxes (n, 4) of an image's persons of that height with 8 joints or more."""
    data = json.loads((COCO_VAL / "person_keypoints.json").read_text())
    persons = defaultdict(list)
    for entry in data["annotations"]:
        if not entry.get("iscrowd") and entry["num_keypoints"] >= 8 and entry["bbox"][3] >= min_height:
            persons[entry["image_id"]].append(entry)
    for image in data["images"]:
        if own := persons[image["id"]]:
            keypoints = np.array([entry["keypoints"] for entry in own], float).reshape(-1, 17, 3)
            yield COCO_VAL / "images" / image["file_name"], keypoints, xywh_to_xyxy([entry["bbox"] for entry in own])


def errors_on_coco(model):
    """Of all labelled joints: index (n,), error in box heights along x and y (n, 2), score (n,)."""
    backend, spec = open_model(model, ("top_down",), 1)
    rows = []
    with_model = TopDown(backend, spec)
    for path, keypoints, boxes in annotated():
        poses = with_model(cv2.imread(str(path)), boxes)
        height = (boxes[:, 3] - boxes[:, 1])[:, None, None]
        person, joint = np.nonzero(keypoints[..., 2] > 0)
        error = ((poses.xy - keypoints[..., :2]) / height)[person, joint]
        rows.append(np.column_stack([joint, error, poses.score[person, joint]]))
    with_model.close()
    rows = np.concatenate(rows)
    return rows[:, 0].astype(int), rows[:, 1:3], rows[:, 3]


def tracks_in_clip(model):
    """By track id and number of the frame: keypoints (17, 2) px, NaN where not found, and box height in px."""
    tracks = defaultdict(dict)
    options = PipelineOptions(model=model, smoothing=False, detect_every=1, threads=1)
    with build_pipeline(options) as pipeline:
        clip = cv2.VideoCapture(str(CLIP))
        for number in range(int(clip.get(cv2.CAP_PROP_FRAME_COUNT))):
            poses = pipeline(clip.read()[1], number / CLIP_HZ)
            for person, track in enumerate(poses.track_id.tolist()):
                height = poses.box_xyxy[person, 3] - poses.box_xyxy[person, 1]
                tracks[track][number] = np.where(poses.score[person, :, None] > 0, poses.xy[person], np.nan), height
    return tracks


def flicker(tracks):
    """Of all keypoints found in three frames running: index (n,) and residual (n, 2) in box heights."""
    rows = []
    for track in tracks.values():
        for number in sorted(track.keys() & {n - 1 for n in track} & {n + 1 for n in track}):
            before, (now, height), after = track[number - 1][0], track[number], track[number + 1][0]
            residual = (now - (before + after) / 2) / height
            known = np.flatnonzero(np.isfinite(residual[:, 0]))
            rows.append(np.column_stack([known, residual[known]]))
    rows = np.concatenate(rows)
    return rows[:, 0].astype(int), rows[:, 1:]


def jumps_per_s(tracks):
    """(17,): how often each keypoint jumps away from its person."""
    jumps, steps = np.zeros(17), np.zeros(17)
    for track in tracks.values():
        for number in sorted(track.keys() & {n + 1 for n in track}):
            (before, _), (now, height) = track[number - 1], track[number]
            step = now - before
            known = np.isfinite(step[:, 0])
            far = np.hypot(*(step - np.median(step[known], 0)).T) > GROSS * height
            jumps, steps = jumps + (far & known), steps + known
    return CLIP_HZ * jumps / steps


def missed_persons(tracks, least=10):
    """Share of the frames between first and last in which a track of so many frames lacks its person; mean gap."""
    frames = [sorted(track) for track in tracks.values() if len(track) >= least]
    gaps = np.concatenate([np.diff(own) - 1 for own in frames])
    return gaps.sum() / sum(own[-1] - own[0] for own in frames), gaps[gaps > 0].mean() if gaps.any() else 0.0


def robust_sigma(residual):
    """Standard deviation per axis of normal noise with the same median of |residual|."""
    return np.median(np.abs(residual)) / 0.6745


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="elpn_v1_coco")
    model = parser.parse_args().model
    joint, error, score = errors_on_coco(model)
    tracks = tracks_in_clip(model)
    (clip_joint, residual), jumps = flicker(tracks), jumps_per_s(tracks)
    print(f"{model}; sigma and flicker in per cent of the box height; score: mean of fine and of gross joints")
    print("joint         n  sigma  gross % missed %  fine gross   flicker  jumps/s     n")
    for name in [*JOINTS, "all"]:
        own = np.array([name in (n, "all") for n in NAMES])
        at, at_clip = own[joint], own[clip_joint]
        found = at & (score >= FOUND)
        gross = np.hypot(*error.T) > GROSS
        print(
            f"{name:9} {at.sum():5} {100 * robust_sigma(error[found & ~gross]):6.2f} {100 * gross[found].mean():8.1f} "
            f"{100 * (1 - found.sum() / at.sum()):8.1f} {score[found & ~gross].mean():5.2f} "
            f"{score[found & gross].mean():5.2f} {100 * robust_sigma(residual[at_clip]) * np.sqrt(2 / 3):9.2f} "
            f"{jumps[own].mean():8.2f} {at_clip.sum():5}"
        )
    fine = score[(score >= FOUND) & (np.hypot(*error.T) <= GROSS)]
    print(f"standard deviation of the score of fine joints {fine.std():.2f}")
    share, gap = missed_persons(tracks)
    print(
        f"clip: persons missed in {100 * share:.1f} % of their frames, {gap:.1f} frames at a time; {len(tracks)} tracks"
    )


if __name__ == "__main__":
    main()
