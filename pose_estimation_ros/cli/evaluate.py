"""Measure the accuracy of models, or of files of predictions, on annotated images.

--data is an annotation file with images/ beside it, or a folder with images/ and person_keypoints.json. Its content
says how it is judged: COCO's and CrowdPose's AP, MPII's PCKh; a person detector gets its recall. A top-down model runs
in ground-truth boxes, or in those of a detections file. --end-to-end judges what pose_node would publish: people in the
boxes of its own detector, by its own thresholds, on all images. --submit writes the predictions of a test set without
annotations for its server. Of several models or files, the report compares the first with the rest. See
docs/how-to/evaluate.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from pose_estimation_ros.cli.common.arguments import number, whole
from pose_estimation_ros.cli.common.checkpoints import onnx_files
from pose_estimation_ros.cli.common.flags import add_option_flags, options_of
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.end_to_end import THRESHOLDS
from pose_estimation_ros.evaluation.evaluate import Evaluated, Evaluation, check_options, evaluate
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS, MAX_DRAWS
from pose_estimation_ros.evaluation.protocols import PROTOCOLS
from pose_estimation_ros.evaluation.report.summary import Source
from pose_estimation_ros.evaluation.splits import HALVES
from pose_estimation_ros.evaluation.submission import check_submission, submit

RUNTIME_OPTIONS = ("threads", "device")  # settings of the libraries that run the models
END_TO_END = "end to end"  # title of the group of these options
END_TO_END_OPTIONS = ("detector", *THRESHOLDS)

EXAMPLES = (
    "pose evaluate --model lite0_fpn_coco --data data/toy/holdout",
    "pose evaluate --model lite0_fpn_coco elpn_v1_coco --data data/toy/holdout --end-to-end --report out/report",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose evaluate`."""
    source = group(parser, "input")
    model_help = "ONNX file, engine, checkpoint or name of a model"
    source.add_argument("--model", dest="models", nargs="+", default=[], metavar="MODEL", help=model_help)
    predictions_help = "keypoints found by any program: JSON in COCO's results format, for MPII also .h5"
    source.add_argument("--predictions", nargs="+", default=[], metavar="FILE", help=predictions_help)
    data_help = "annotation file, or folder with person_keypoints.json"
    source.add_argument("--data", metavar="DATA", required=True, help=data_help)
    half_help = "only the images of this half: choose by one, report the other, see docs/how-to/evaluate.md"
    source.add_argument("--half", choices=HALVES, help=half_help)
    add_protocol_arguments(parser)
    end_help = "judge what the pipeline of the node finds: own detector and thresholds; a --report has both"
    group(parser, END_TO_END).add_argument("--end-to-end", action="store_true", help=end_help)
    add_pipeline_arguments(parser)
    add_output_arguments(parser)
    add_option_flags(group(parser, "speed"), RUNTIME_OPTIONS)


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is written."""
    output = group(parser, "output")
    out_help = "folder for the JSON files (default: %(default)s)"
    output.add_argument("--out", metavar="DIR", default="out/evaluation", help=out_help)
    report_help = "also write DIR/report.html: curves, kinds of errors, images"
    output.add_argument("--report", metavar="DIR", help=report_help)
    draws_help = "bootstrap draws for the report's intervals (default: %(default)s)"
    output.add_argument("--draws", type=whole(1, MAX_DRAWS), metavar="N", default=DRAWS, help=draws_help)
    groups_help = "also by size, visibility and crowding of people, and the kinds of errors, into the JSON files"
    output.add_argument("--groups", action="store_true", help=groups_help)
    save_help = "also keep the figures in the model's spec, as accuracy.NAME"
    output.add_argument("--save", metavar="NAME", help=save_help)
    submit_help = "write the predictions of a test set without annotations for its server, in place of figures"
    output.add_argument("--submit", metavar="FILE", help=submit_help)


def add_pipeline_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that change the pipelines which are measured end to end."""
    add_option_flags(group(parser, END_TO_END), END_TO_END_OPTIONS)


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the test protocol of pose models."""
    protocol = group(parser, "test protocol of pose models")
    about = "; ".join(f"{known.name}: {known.about}" for known in PROTOCOLS.values())
    protocol.add_argument("--protocol", choices=PROTOCOLS, help=f"how to test; {about} (default: plain)")
    flip_help = "flip test: mean of the image and its mirror image (default: the protocol's)"
    protocol.add_argument("--flip", action=argparse.BooleanOptionalAction, help=flip_help)
    boxes_help = "person boxes in COCO's detections format (default: ground-truth boxes)"
    protocol.add_argument("--boxes", metavar="FILE", help=boxes_help)
    sigma_help = "OKS sigma of all keypoints, such as 0.08, for a skeleton whose sigmas are not known"
    protocol.add_argument("--sigma", type=number(1e-6, 10), metavar="X", help=sigma_help)


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
