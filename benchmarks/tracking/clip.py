"""Play the demo's clip to a pipeline at several rates, and compare the people with the clip's labels.

test/data/pedestrians_tracks.json has the box and the id of every person in each of the 150 frames. Each entry of "rows"
holds the frame, the id, x, y, width and height of the box in px, and the share of the body that is visible, in per cent.
A person who leaves the image and comes back after seconds has a new id; "same_person" tells whose it is. People of whom
less than half is visible need not be found, and finding them is no error.

The table has a row for each rate. The clip has 10 frames a second; at 30 it is played three times as fast, so that
people walk at three times their speed. Its columns are:
  people     number of labelled ids with a visible frame
  ids        number of ids of the pipeline, and of those that were confirmed
  per one    ids that a labelled person had, mean and most
  right %    share of the labelled people, over all frames, who are found under the person's commonest id
  found %    share of them who are found at all
  tentative  share of the found who are tentative
  switches   how often the id of a person changes
  false      number of found people who are nobody, over all frames
  HOTA, IDF1 measures of evaluation/bag/metrics/tracking.py, with the IoU of boxes as similarity
Run: PYTHONPATH=. python benchmarks/tracking/clip.py [--rates 30 10 3.3 2] [name=value ...], with options of the
pipeline such as detect_every=5; or, to compare the results of `pose evaluate-bag` on a bag that `pose make-bag` made of
the clip: PYTHONPATH=. python benchmarks/tracking/clip.py --results FOLDER/predictions.json
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.resources import demo_clip

LABELS = Path(__file__).parents[2] / "test/data/pedestrians_tracks.json"
CLIP_HZ, FRAMES = 10, 150
LEAST_VISIBLE = 0.5


class Labels(NamedTuple):
    """Hold the labelled people of one frame of the clip.

    Attributes:
        track_id: (P,) int.
        box_xyxy: (P, 4) px, the whole body as far as it is inside the image.
        visible: (P,) share of the body that is inside the image and not covered, 0..1.
    """

    track_id: np.ndarray
    box_xyxy: np.ndarray
    visible: np.ndarray


def read_labels(path=LABELS):
    """Return the Labels of each frame of the clip."""
    rows = np.array(json.loads(Path(path).read_text())["rows"], float).reshape(-1, 7)
    frames = (rows[rows[:, 0] == number] for number in range(FRAMES))
    return [Labels(at[:, 1].astype(int), xywh_to_xyxy(at[:, 2:6]), at[:, 6] / 100) for at in frames]
