"""Train the rows of a paper's ablation table and print what is measured beside what the paper prints.

Without TABLE the tables and their rows are listed. --small trains at a size at which a CPU needs minutes a row, on the
crops at hand; without it the paper's recipe, data and metric are used. Parameters and multiply-adds are always those of
the paper's size. Rows whose recipes say the same are trained once. The same command goes on after an interruption, and
trains only what is missing; --seeds 0 trains nothing. The files are OUT/TABLE.md, .csv and .json.
"""

import argparse

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.training.ablation.report import text, write_report
from pose_estimation_ros.training.ablation.run import MOST_SEEDS, Ablation, ablate
from pose_estimation_ros.training.ablation.table import Table, load_table, table_names

EXAMPLES = (
    "pose ablation",
    "pose ablation elpn_table6 --seeds 0",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose ablation`."""
    parser.add_argument("table", nargs="?", metavar="TABLE", help="name of a table, such as elpn_table6, or YAML file")
    parser.add_argument("changes", nargs="*", metavar="key=value", help="recipe keys to change in all rows: epochs=2")
    parser.add_argument("--rows", nargs="+", default=[], metavar="ROW", help="rows to train (default: all)")
    parser.add_argument("--small", action="store_true", help="train at the small size, on the crops at hand")
    seeds_help = "trainings per row, with as many seeds (default: %(default)s)"
    parser.add_argument("--seeds", type=whole(0, MOST_SEEDS), default=Ablation.seeds, metavar="N", help=seeds_help)
    out_help = "folder of the runs and of the table's files (default: %(default)s)"
    parser.add_argument("--out", default=Ablation.out, metavar="DIR", help=out_help)


def main(args: argparse.Namespace) -> int:
    """Train the rows that are missing and print the table; return the exit code, 130 after an interruption."""
    if args.table is None:
        print("\n\n".join(described(load_table(name)) for name in table_names()))
        return 0
    options = {name: value for name, value in vars(args).items() if name in Ablation.__dataclass_fields__}
    ablation = Ablation(**options)
    table, results, finished = ablate(ablation, print_score)
    written = write_report(ablation, table, results)
    print(f"{described(table).splitlines()[0]}\n{text(table, results, args.small)}\nwrote {written[0]}")
    return 0 if finished else 130


def described(table: Table) -> str:
    """Describe a table and its rows: its name, what is compared, where it is printed, and the rows' names."""
    rows = "\n".join(f"  {row.name}" for row in table.rows)
    return f"{table.name}: {table.title} ({table.source})\n{rows}"


def print_score(row: str, seed: int, score: float) -> None:
    """Print the score of a row's training."""
    print(f"{row}, seed {seed}: {score:.2f}", flush=True)
