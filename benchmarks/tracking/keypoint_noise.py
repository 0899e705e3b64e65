"""Measure the errors of a model's keypoints joint by joint: the noise for the scenes of scenes.py.

There are two measures, both as fractions of the person's box height:
  coco_val  The error against the annotation, for labelled joints of people of 96 px or more, in ground-truth boxes. It
            includes errors that stay from frame to frame (one joint taken for another) and those that change.
  clip      The flicker, which changes from frame to frame: the distance of a keypoint from the middle of the ones
            before and after it in a track, times sqrt(2 / 3), which is the standard deviation of white noise. A
            person's acceleration adds little at the torso and much at the ankles (the clip has 10 frames a second), so
            the median over the track is taken. A keypoint jumps if its step is longer than that of the person's median
            keypoint by over a tenth of the height: then the model begins or ends to take another limb for the joint.
            Frames in which a person is missed between the first and the last frame of a track are counted.
The table is printed, and written to noise.json beside this file, from which scenes.py makes its noise.
Run: PYTHONPATH=. python benchmarks/tracking/keypoint_noise.py [--model lite0_fpn_coco] [--dry-run]
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
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.options import DEFAULTS, PipelineOptions

ROOT = Path(__file__).parents[2]
COCO_VAL = ROOT.parent / "shared/data/coco_val"
CLIP = ROOT / "test/data/pedestrians.mp4"
NOISE_FILE = Path(__file__).with_name("noise.json")
FOUND = DEFAULTS.score_threshold
CLIP_HZ = 10
GROSS = 0.10  # of the height: from this error on, the model found another limb or something else
NAMES = [name.split("_")[-1] for name in get_skeleton("coco17").keypoints]
JOINTS = list(dict.fromkeys(NAMES))


def annotated(min_height=96):
    """Yield the path of each image, and keypoints (n, 17, 3) and boxes (n, 4) of its people, px.

    People have at least 8 labelled joints and a box of at least min_height px.
    """
    data = json.loads((COCO_VAL / "person_keypoints.json").read_text())
    persons = defaultdict(list)
    for entry in data["annotations"]:
        if not entry.get("iscrowd") and entry["num_keypoints"] >= 8 and entry["bbox"][3] >= min_height:
            persons[entry["image_id"]].append(entry)
    for image in data["images"]:
        if entries := persons[image["id"]]:
            keypoints = np.array([entry["keypoints"] for entry in entries], float).reshape(-1, 17, 3)
            yield (
                COCO_VAL / "images" / image["file_name"],
                keypoints,
                xywh_to_xyxy([entry["bbox"] for entry in entries]),
            )


def errors_on_coco(model):
    """Return joint index (n,), error along x and y in box heights (n, 2), and score (n,) of all labelled joints."""
    backend, spec = open_model(model, ("top_down",), 1)
    rows = []
    estimator = TopDown(backend, spec)
    for path, keypoints, boxes in annotated():
        poses = estimator(cv2.imread(str(path)), boxes)
        height = (boxes[:, 3] - boxes[:, 1])[:, None, None]
        person, joint = np.nonzero(keypoints[..., 2] > 0)
        error = ((poses.xy - keypoints[..., :2]) / height)[person, joint]
        rows.append(np.column_stack([joint, error, poses.score[person, joint]]))
    estimator.close()
    rows = np.concatenate(rows)
    return rows[:, 0].astype(int), rows[:, 1:3], rows[:, 3]


def tracks_in_clip(model):
    """Return {track id: {frame number: (keypoints (17, 2) px, box height px)}}; missed keypoints are NaN."""
    tracks = defaultdict(dict)
    options = PipelineOptions(model=model, smoothing=False, detect_every_s=0.0, threads=1)
    with build_pipeline(options) as pipeline:
        clip = cv2.VideoCapture(str(CLIP))
        for number in range(int(clip.get(cv2.CAP_PROP_FRAME_COUNT))):
            poses = pipeline(clip.read()[1], number / CLIP_HZ)
            for person, track in enumerate(poses.track_id.tolist()):
                height = poses.box_xyxy[person, 3] - poses.box_xyxy[person, 1]
                tracks[track][number] = np.where(poses.score[person, :, None] > 0, poses.xy[person], np.nan), height
    return tracks


def flicker(tracks):
    """Return joint index (n,) and residual (n, 2) in box heights of all keypoints in three successive frames."""
    rows = []
    for track in tracks.values():
        for number in sorted(track.keys() & {n - 1 for n in track} & {n + 1 for n in track}):
            before, (middle, height), after = track[number - 1][0], track[number], track[number + 1][0]
            residual = (middle - (before + after) / 2) / height
            known = np.flatnonzero(np.isfinite(residual[:, 0]))
            rows.append(np.column_stack([known, residual[known]]))
    rows = np.concatenate(rows)
    return rows[:, 0].astype(int), rows[:, 1:]


def jumps_per_s(tracks):
    """Return how often per second each keypoint jumps away from its person, (17,)."""
    jumps, steps = np.zeros(17), np.zeros(17)
    for track in tracks.values():
        for number in sorted(track.keys() & {n + 1 for n in track}):
            (before, _), (after, height) = track[number - 1], track[number]
            step = after - before
            known = np.isfinite(step[:, 0])
            far = np.hypot(*(step - np.median(step[known], 0)).T) > GROSS * height
            jumps, steps = jumps + (far & known), steps + known
    return CLIP_HZ * jumps / steps


def missed_persons(tracks, least=10):
    """Measure how often a person is missed between the first and the last frame of a track.

    Args:
        tracks: Tracks, as tracks_in_clip returns them.
        least: Tracks with fewer frames are left out.

    Returns:
        Share of the frames in which the person is missed, and the mean number of successive frames without the person.
    """
    frames = [sorted(track) for track in tracks.values() if len(track) >= least]
    gaps = np.concatenate([np.diff(numbers) - 1 for numbers in frames])
    mean_gap = gaps[gaps > 0].mean() if gaps.any() else 0.0
    return gaps.sum() / sum(numbers[-1] - numbers[0] for numbers in frames), mean_gap


def robust_sigma(residual):
    """Return the standard deviation, per axis, of normal noise with the same median of |residual|."""
    return np.median(np.abs(residual)) / 0.6745


def measure(model):
    """Measure a model on coco_val and in the clip.

    Args:
        model: Name or path of a top-down model of COCO's 17 joints.

    Returns:
        A dict, as noise.json holds it: "joints" maps each joint, and "all", to its figures. Lengths are in box heights.
    """
    joint, error, score = errors_on_coco(model)
    tracks = tracks_in_clip(model)
    (clip_joint, residual), jumps = flicker(tracks), jumps_per_s(tracks)
    found, gross = score >= FOUND, np.hypot(*error.T) > GROSS
    share, gap = missed_persons(tracks)
    joints = {}
    for name in [*JOINTS, "all"]:
        selected = np.array([name in (n, "all") for n in NAMES])
        here, flickers = selected[joint], residual[selected[clip_joint]]
        joints[name] = {
            "labelled": int(here.sum()),
            "spread": robust_sigma(error[here & found & ~gross]),
            "gross": gross[here & found].mean(),
            "missed": 1 - found[here].mean(),
            "score_fine": score[here & found & ~gross].mean(),
            "score_gross": score[here & found & gross].mean(),
            "flicker": np.sqrt(2 / 3) * robust_sigma(flickers),
            "jumps_per_s": jumps[selected].mean(),
            "in_clip": len(flickers),
        }
    return {
        "model": model,
        "score_threshold": FOUND,
        "score_spread": score[found & ~gross].std(),
        "missed_share": share,
        "missed_s": gap / CLIP_HZ,
        "tracks": len(tracks),
        "joints": joints,
    }


def print_noise(noise):
    """Print a table of the figures that measure() returns."""
    model = noise["model"]
    print(
        f"{model}; sigma and flicker in per cent of the box height; fine, gross: mean score of joints with such errors"
    )
    print("joint         n  sigma  gross % missed %  fine gross   flicker  jumps/s     n")
    for name, row in noise["joints"].items():
        print(
            f"{name:9} {row['labelled']:5} {100 * row['spread']:6.2f} {100 * row['gross']:8.1f} "
            f"{100 * row['missed']:8.1f} {row['score_fine']:5.2f} {row['score_gross']:5.2f} "
            f"{100 * row['flicker']:9.2f} {row['jumps_per_s']:8.2f} {row['in_clip']:5}"
        )
    print(f"standard deviation of the score of joints with fine errors {noise['score_spread']:.2f}")
    print(
        f"clip: persons missed in {100 * noise['missed_share']:.1f} % of their frames, for {noise['missed_s']:.2f} s "
        f"on average; {noise['tracks']} tracks"
    )


def rounded(value):
    """Return the same dict with floats of four digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main():
    """Measure a model, print its table and write it for the scenes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=DEFAULTS.model)
    parser.add_argument("--dry-run", action="store_true", help="print the table, but do not write it")
    args = parser.parse_args()
    noise = measure(args.model)
    print_noise(noise)
    if not args.dry_run:
        NOISE_FILE.write_text(json.dumps(rounded(noise), indent=2) + "\n")


if __name__ == "__main__":
    main()
