"""Measure the accuracy of models, or of files of predictions, on annotated images.

--data is an annotation file with images/ beside it, or a folder with images/ and person_keypoints.json. The content of
the file decides how it is judged:
  COCO       AP, AP50, AP75, APM, APL, AR by pycocotools
  CrowdPose  AP, AP50, AP75, AR, and AP of the easy, medium and hard images (those with a crowdIndex are CrowdPose's)
  MPII       PCKh@0.5 and @0.1 by joint group and their mean: HRNet's JSON list or the stacked hourglass's .h5; torso_:
             the same by half of the distance from right hip to left shoulder
The keypoints are those of the file's category, whatever they are; a model must have keypoints of these names, and may
have more. A top-down model runs on ground-truth boxes or those of a detections file. --end-to-end judges what pose_node
would publish: people in the boxes of its own detector, by its own thresholds, on all images. A person detector gets its
recall at 0.2 and 1 false positives per image. --predictions is a JSON list in COCO's results format; for MPII also an
.h5 with "preds" (N, 16, 2), pixels counted from 1; in the JSON, image_id is then the index of the person in the
annotation file, from 0. A figure is -1 where the annotations have nobody to find. Figures are printed and written as
JSON.
The test sets of COCO and MPII have no annotations. --submit FILE writes the predictions of one model for their servers:
for COCO person_keypoints_test-dev2017_NAME_results.zip, or a .json, with people in the boxes of --boxes or found by
--end-to-end; for MPII an .h5 with "preds".
For several models or files, in any mixture, there is a JSON for each and a table of all; the first is the one that the
report compares the rest with.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from pose_estimation_ros.cli.common.arguments import number, whole
from pose_estimation_ros.cli.common.checkpoints import onnx_files
from pose_estimation_ros.cli.common.flags import add_option_flags, options_of
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.end_to_end import THRESHOLDS
from pose_estimation_ros.evaluation.evaluate import Evaluated, Evaluation, check_options, evaluate
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS, MAX_DRAWS
from pose_estimation_ros.evaluation.protocols import PROTOCOLS
from pose_estimation_ros.evaluation.report.summary import Source
from pose_estimation_ros.evaluation.splits import HALVES
from pose_estimation_ros.evaluation.submission import check_submission, submit

RUNTIME_OPTIONS = ("threads", "device")  # settings of the libraries that run the models
END_TO_END_OPTIONS = ("detector", *THRESHOLDS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose evaluate`."""
    model_help = "ONNX file, engine, checkpoint or name of a model"
    parser.add_argument("--model", dest="models", nargs="+", default=[], metavar="MODEL", help=model_help)
    predictions_help = "keypoints found by any program, see above"
    parser.add_argument("--predictions", nargs="+", default=[], metavar="FILE", help=predictions_help)
    parser.add_argument("--data", required=True, help="annotation file, or folder with person_keypoints.json")
    add_protocol_arguments(parser)
    end_help = "judge what the pipeline of the node finds: own detector and thresholds; a --report has both"
    parser.add_argument("--end-to-end", action="store_true", help=end_help)
    half_help = "only the images of this half: choose by one, report the other, see docs/how-to/evaluate.md"
    parser.add_argument("--half", choices=HALVES, help=half_help)
    groups_help = "also by size, visibility and crowding of people, and the kinds of errors, into the JSON files"
    parser.add_argument("--groups", action="store_true", help=groups_help)
    submit_help = "write the predictions of a test set without annotations for its server, in place of figures"
    parser.add_argument("--submit", metavar="FILE", help=submit_help)
    parser.add_argument("--out", default="out/evaluation", help="folder for the JSON files (default: %(default)s)")
    parser.add_argument("--report", metavar="DIR", help="also write DIR/report.html: curves, kinds of errors, images")
    parser.add_argument(
        "--draws",
        type=whole(1, MAX_DRAWS),
        default=DRAWS,
        help="bootstrap draws for the report's intervals (default: %(default)s)",
    )
    parser.add_argument("--save", metavar="NAME", help="also keep the figures in the model's spec, as accuracy.NAME")
    add_option_flags(parser, RUNTIME_OPTIONS)
    add_pipeline_arguments(parser)


def add_pipeline_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that change the pipelines which are measured end to end."""
    add_option_flags(parser.add_argument_group("end to end (default in brackets)"), END_TO_END_OPTIONS)


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the test protocol of pose models."""
    about = "; ".join(f"{protocol.name}: {protocol.about}" for protocol in PROTOCOLS.values())
    parser.add_argument("--protocol", choices=PROTOCOLS, help=f"how to test (default: plain). {about}")
    flip_help = "flip test: mean of the image and its mirror image (default: the protocol's)"
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, help=flip_help)
    parser.add_argument("--boxes", help="person boxes in COCO's detections format (default: ground-truth boxes)")
    sigma_help = "OKS sigma of all keypoints, such as 0.08, for a skeleton whose sigmas are not known"
    parser.add_argument("--sigma", type=number(1e-6, 10), metavar="X", help=sigma_help)


def main(args: argparse.Namespace) -> int:
    """Run `pose evaluate`."""
    options = {name: value for name, value in vars(args).items() if name in Evaluation.__dataclass_fields__}
    evaluation = Evaluation(**options, pipeline=options_of(args, END_TO_END_OPTIONS))
    check_options(evaluation)  # before a checkpoint is exported, which takes long
    refuse_saving(args.models, args.save)
    if args.submit is not None:
        check_submission(evaluation, args.submit)
    evaluation = replace(evaluation, models=onnx_files(args.models, args.out, args.protocol, args.flip))
    if args.submit is not None:
        submission = submit(evaluation, args.submit)
        print(f"wrote {submission.file}: {submission.people} people in {submission.images} images")
        return 0
    result = evaluate(evaluation, print_figures)
    if len(result.evaluated) > 1:
        print_table([outcome.source for outcome in result.evaluated])
    if result.report:
        print(f"wrote {result.report}")
    return 0


def refuse_saving(models: Sequence[str], save: str | None) -> None:
    """Raise ConfigError where figures are to be kept in the spec of a checkpoint, which has none.

    Args:
        models: names or files of models.
        save: name under which figures are kept, None to keep none.
    """
    checkpoint = next((model for model in models if model.endswith(".ckpt")), None)
    if save and checkpoint:
        raise ConfigError(f"expected --save with a model that has a spec, got the checkpoint {checkpoint}")


def print_figures(outcome: Evaluated) -> None:
    """Print the numbers of a model or file, and the name of its JSON file."""
    numbers = {name: value for name, value in outcome.figures.items() if type(value) in (int, float)}
    print("  ".join(f"{name} {value}" for name, value in numbers.items()))
    print(f"wrote {outcome.file}")


def print_table(sources: Sequence[Source]) -> None:
    """Print the figures of all sources, a column for each."""
    rows = list(dict.fromkeys(k for s in sources for k, v in s.figures.items() if type(v) in (int, float)))
    first = max(map(len, rows))
    print(" " * first, *(source.name for source in sources), sep="  ")
    for row in rows:
        cells = [f"{source.figures.get(row, '-')!s:>{len(source.name)}}" for source in sources]
        print(row.ljust(first), *cells, sep="  ")
