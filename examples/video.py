"""Follow people through a video: draw them with their ids, and write a line of JSON per frame.

Run: python examples/video.py in.mp4 out.mp4 out.jsonl
"""

import json
import sys

from pose_estimation_ros import PoseEstimator, draw_poses
from pose_estimation_ros.imaging.video import VideoWriter, open_source

if len(sys.argv) != 4:
    sys.exit(__doc__)
source = open_source(sys.argv[1])
writer = VideoWriter(sys.argv[2], source.fps)
ids = set()

# tracking=True: the frames belong together. People keep their ids, and their joints are smoothed.
with PoseEstimator("lite0_fpn_coco", tracking=True) as estimate, open(sys.argv[3], "w") as lines:
    for frame in source:
        poses = estimate(frame.image, stamp_s=frame.time_s)
        ids.update(person.track_id for person in poses)
        json.dump(dict(poses.to_dict(), time_s=frame.time_s), lines)
        lines.write("\n")
        writer.write(draw_poses(frame.image, poses, color_by="track"))

writer.close()
source.close()
print(f"{len(ids)} people in {frame.index + 1} frames")
