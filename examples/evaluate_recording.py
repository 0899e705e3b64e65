"""Measure how steady a model is on a recording, and how good where the recording has annotations. No ROS is needed.

Run: python examples/evaluate_recording.py BAG OUT [MODEL ...]    BAG: a rosbag2 folder, an .mcap or a ROS 1 .bag
OUT gets figures, an annotated video and the page report.html. Needs pip install 'pose_estimation_ros[evaluate]'.
"""

import sys

from pose_estimation_ros.evaluation.bag.evaluation import BagEvaluation, evaluate_bags

if len(sys.argv) < 3:
    sys.exit(__doc__)
bag, out, *models = sys.argv[1:]

# This also evaluates what a robot would have seen: BagEvaluation(..., realtime=True, latency_ms=50).
evaluation = BagEvaluation(bags=[bag], out=out, models=models or ["lite0_fpn_coco"])

for outcome in evaluate_bags(evaluation):
    if outcome.error:
        sys.exit(outcome.error)
    for run in outcome.runs:
        results = run["results"]
        print(f"{run['folder']}: {results['people']['found']} poses in {results['frames']['answered']} images")
        print(f"jitter of people at rest: {results['reference_free']['jitter_at_rest']['px']} px")
print(f"{out}/report.html shows all of it")
