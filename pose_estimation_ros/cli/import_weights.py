"""Make a checkpoint of the weights that the authors of a network published, or of a model that `pose export` wrote.

The file is a state dict or a checkpoint of their program; no code in it is run. The recipe says which network it is,
for which joints and which size of the input, and the changes are those of `pose train`. The result is
<out_dir>/<name>/best.ckpt, which `pose evaluate`, `pose export` and teacher= read; of a file without a head for these
joints, such as ImageNet's, it is start.ckpt, which init_from= reads. An exported model, .onnx, lacks the batch
statistics; they are measured on training images of the recipe.
"""

import argparse
import functools

from pose_estimation_ros.training.recipe import load_recipe
from pose_estimation_ros.training.weights.import_weights import import_weights

EXAMPLES = (
    "pose import-weights pose_hrnet_w32_256x192.pth config/training/hrnet_w32_coco.yaml",
    "pose import-weights models/lite0_fpn_coco.onnx config/training/fine_tune.yaml name=shipped",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("source", metavar="FILE", help="the file, such as pose_hrnet_w32_256x192.pth")
    parser.add_argument("recipe", metavar="RECIPE", help="YAML file, such as config/training/hrnet_w32_coco.yaml")
    overrides_help = "recipe keys to change: input_size_wh='[288, 384]' name=hrnet_w32_384x288"
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=overrides_help)


def main(args: argparse.Namespace) -> int:
    """Import, print what matched and what can be done next, and return the exit code."""
    recipe = load_recipe(args.recipe, args.overrides)
    imported = import_weights(args.source, recipe, functools.partial(print, flush=True))
    if imported.is_whole:
        print(f"next: pose evaluate --data DATA --model {imported.path}")
        print(f"      pose export {imported.path}")
        print(f"      pose train RECIPE teacher={imported.path}")
    else:
        print(f"next: pose train {args.recipe} init_from={imported.path}")
    return 0
