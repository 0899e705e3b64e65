"""Train a model from a recipe.

Ctrl-C saves and ends the run, and the same command continues it. For two devices of one machine add devices=2; on
several machines run torchrun --nnodes N ... -m pose_estimation_ros train RECIPE. See docs/how-to/train.md.
"""

import argparse

from pose_estimation_ros.training.recipe import load_recipe
from pose_estimation_ros.training.train import train

EXAMPLES = (
    "pose train config/training/toy.yaml",
    "pose train config/training/toy.yaml name=short epochs=2",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose train`."""
    parser.add_argument("recipe", metavar="RECIPE", help="YAML file, for example config/training/elpn_v1_coco.yaml")
    overrides_help = "recipe keys to change: epochs=2 losses.mse=1"
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=overrides_help)


def main(args: argparse.Namespace) -> int:
    """Train, print where the checkpoint is, and return the exit code: 130 after an interruption."""
    recipe = load_recipe(args.recipe, args.overrides)
    best = train(recipe)
    print(f"best checkpoint: {best}" if best else f"saved in {recipe.run_dir}; the same command goes on from there")
    return 0 if best else 130
