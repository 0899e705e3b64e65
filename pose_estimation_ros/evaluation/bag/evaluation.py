"""Evaluate bags: run pose models over recordings and write results, videos and a report; no ROS is needed.

    evaluation = BagEvaluation(bags=["out/clip"], out="out/bags", models=["lite0_fpn_coco"])
    for outcome in evaluate_bags(evaluation):
        for run in outcome.runs:
            print(run["folder"], run["results"]["people"])

docs/how-to/evaluate-recordings.md describes the files that are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from pose_estimation_ros.core.atomic_files import make_folder, write_json
from pose_estimation_ros.evaluation.bag.files.reader import bag_name
from pose_estimation_ros.evaluation.bag.report.write import write_report
from pose_estimation_ros.evaluation.bag.run.jobs import Note, Outcome, Run, evaluate_bag
from pose_estimation_ros.evaluation.bag.run.processes import Keep, in_processes
from pose_estimation_ros.evaluation.bag.run.ray_cluster import on_ray
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation

__all__ = ["BagEvaluation", "Outcome", "evaluate_bags"]

SUMMARY = "summary.json"


def ignore(_: object) -> None:
    """Do nothing with a report or a note."""


def evaluate_bags(
    evaluation: BagEvaluation, report: Callable[[Outcome], None] = ignore, note: Note = ignore
) -> list[Outcome]:
    """Evaluate bags and write all results, summary.json after each bag, and report.html at the end.

    A bag that cannot be evaluated does not stop the others. Bags whose process died, or that found too little memory,
    are tried once more when the others are done. Ctrl-C ends the evaluation, and what was done is kept and written;
    KeyboardInterrupt is not raised.

    Args:
        evaluation: the settings.
        report: is called with the outcome of each bag as soon as it is done.
        note: is called with news in one line or several, such as that a bag is damaged or its results are up to date.

    Returns:
        The outcomes in the order of the bags; after Ctrl-C there are none of the bags that were not begun.

    Raises:
        ConfigError: the folder of results is that of a bag, or there is no Ray cluster.
        DataError: the folder, summary.json or report.html cannot be written.
    """
    paths = [str(path) for path in evaluation.bags]
    for path in paths:
        make_folder(str(evaluation.out), path)
    outcomes = evaluate_all(evaluation, report, note)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    write_report(evaluation.out, runs_of(outcomes), {bag_name(Path(path)): path for path in paths}, errors)
    return outcomes


def evaluate_all(evaluation: BagEvaluation, report: Callable[[Outcome], None], note: Note) -> list[Outcome]:
    """Evaluate all bags, those that crashed once more at the end; see evaluate_bags."""
    single_bags = evaluation.single_bags()
    outcomes: dict[int, Outcome] = {}

    def evaluate_places(places: Sequence[int], is_last: bool) -> None:
        def keep(index: int, outcome: Outcome) -> None:
            outcome = outcome._replace(retry=outcome.retry and not is_last)
            outcomes[places[index]] = outcome
            with tqdm.external_write_mode():
                report(outcome)
            write_json(Path(evaluation.out, SUMMARY), runs_of(in_order(outcomes)), indent=1)

        run_each([single_bags[place] for place in places], keep, note)

    evaluate_places(range(len(single_bags)), is_last=False)
    crashed = [place for place in sorted(outcomes) if outcomes[place].retry]
    if crashed and not any(outcome.interrupted for outcome in outcomes.values()):
        evaluate_places(crashed, is_last=True)
    return in_order(outcomes)


def run_each(evaluations: Sequence[BagEvaluation], keep: Keep, note: Note) -> None:
    """Evaluate bags in this process, in several or on a cluster, as the settings say; stop after Ctrl-C.

    Args:
        evaluations: evaluations of one bag each.
        keep: is called with the place in the evaluations and the outcome, as each bag is done.
        note: is called with news for the user.
    """
    first = evaluations[0]
    if first.ray:
        on_ray(evaluations, first.ray, keep)
    elif first.workers > 1:
        in_processes(evaluations, first.workers, keep, note)
    else:
        for place, evaluation in enumerate(evaluations):
            outcome = evaluate_bag(evaluation, note)
            keep(place, outcome)
            if outcome.interrupted:
                return


def in_order(outcomes: dict[int, Outcome]) -> list[Outcome]:
    """Sort outcomes by the places of their bags."""
    return [outcomes[place] for place in sorted(outcomes)]


def runs_of(outcomes: Iterable[Outcome]) -> list[Run]:
    """List the runs of all bags."""
    return [run for outcome in outcomes for run in outcome.runs]
