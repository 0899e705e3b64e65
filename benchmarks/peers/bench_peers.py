"""Time this package's models and those of others on the demo's clip, in turns, on the CPU.

Each program runs as a process of its own, bound to as many processor cores as it has threads. In each round every
program does the same frames of the clip, in an order that is reversed each time. So other programs of the machine slow
all of them alike. A figure is the median over the rounds. "times ours" is the median of the ratios to the first row,
round by round, with the 10th and the 90th percentile in brackets: 2 takes twice the time. With one thread, times are
those of the processor, which other programs hardly change; with more, they are those of the wall clock.

Packages of others are installed into folders of their own below --environments. A candidate that cannot be had is left
out, with a line that says why. What the rows mean is told in docs/measurements/speed-of-peers.md.

Run: make bench-peers, or PYTHONPATH=. python benchmarks/peers/bench_peers.py [MODEL ...] [--rounds 15] [--out FILE]
MODEL is a further model for the package's pipeline, such as one of `pose get`. FILE is a Markdown page: the part
between <!-- peers --> and <!-- end --> is replaced.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.peers.candidates import UNKNOWN, Candidate, Folders, Start, candidates
from benchmarks.peers.protocol import Answer, LeftOut, Program
from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.machine import describe_machine
from tools.documentation.page_parts import filled, table

PIECES = {"person": 10, "frame": 10}  # pieces of each work in a round; the clip has 150 frames
WARM_UP = 1  # rounds that do not count
PERCENTILES = (50, 10, 90)
HEAD = ("model", "AP", "one person, ms", "times ours", "a frame, ms", "times ours", "people a frame")


class Result(NamedTuple):
    """Hold what a program took.

    Attributes:
        ms: {work: (rounds,) mean time of a piece, ms}.
        people: number of people found in a frame, mean.
    """

    ms: dict[str, np.ndarray]
    people: float


def measure(starts: Mapping[str, Start], threads: int, rounds: int, reasons: dict[str, str]) -> dict[str, Result]:
    """Time programs in turns.

    Args:
        starts: the programs by title.
        threads: threads and cores of each.
        rounds: rounds that count.
        reasons: receives why a program could not be measured, by title.

    Returns:
        The results by title.
    """
    with contextlib.ExitStack() as stack:
        programs = {}
        for title, start in starts.items():
            with noting(reasons, title):
                programs[title] = stack.enter_context(Program([*start.command, str(threads)], start.variables))
        answers: dict[str, list[dict[str, Answer]]] = {title: [] for title in programs}
        for number in range(WARM_UP + rounds):
            for title in list(programs)[:: -1 if number % 2 else 1]:
                with noting(reasons, title):
                    answers[title].append(a_turn(programs[title]))
    done = {title: turns[WARM_UP:] for title, turns in answers.items() if len(turns) == WARM_UP + rounds}
    return {title: summary(turns, "processor_ms" if threads == 1 else "wall_ms") for title, turns in done.items()}


@contextlib.contextmanager
def noting(reasons: dict[str, str], title: str) -> Iterator[None]:
    """Make a context that notes under a title why something is left out."""
    try:
        yield
    except LeftOut as reason:
        reasons[title] = str(reason)


def a_turn(program: Program) -> dict[str, Answer]:
    """Let a program do its pieces of a round, and return the answers by work."""
    return {work: program.ask(work, count) for work, count in PIECES.items() if work in program.works}


def summary(turns: Sequence[dict[str, Answer]], clock: str) -> Result:
    """Summarise the turns of a program.

    Args:
        turns: one for each round.
        clock: the times to take, one of protocol.MEASURED.
    """
    ms = {work: np.array([np.mean(turn[work][clock]) for turn in turns]) for work in turns[0]}
    work = "frame" if "frame" in ms else "person"
    return Result(ms, float(np.mean([turn[work]["people"] for turn in turns])))


def rows(results: Mapping[str, Result], aps: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Write the rows of a table.

    Args:
        results: by title, that of the reference first.
        aps: AP as text by title.
    """
    reference = next(iter(results.values()))
    return [
        (title, aps[title], *cells(result, reference, "person"), *cells(result, reference, "frame"), shown(result))
        for title, result in results.items()
    ]


def cells(result: Result, reference: Result, work: str) -> tuple[str, str]:
    """Write time and ratio of a work.

    Args:
        result: of a program.
        reference: of the program that it is compared with.
        work: name of the work.
    """
    if work not in result.ms:
        return UNKNOWN, UNKNOWN
    ratio = np.percentile(result.ms[work] / reference.ms[work], PERCENTILES)
    return f"{np.median(result.ms[work]):.1f}", "{:.2f} ({:.2f}..{:.2f})".format(*ratio)


def shown(result: Result) -> str:
    """Write the number of people a frame."""
    return f"{result.people:.1f}"


def report(tables: Mapping[int, list[tuple[str, ...]]], reasons: Mapping[str, str], rounds: int, load: str) -> str:
    """Write the part of the page.

    Args:
        tables: rows by number of threads.
        reasons: why candidates were left out, by title.
        rounds: rounds that counted.
        load: load of the machine before the measurement.
    """
    machine, date = describe_machine(), datetime.date.today().isoformat()
    seen = f"{rounds} rounds, {date}, {machine['cpu']}, {machine['cores']} cores. Load of the machine: {load} before,"
    parts = [f"{seen} {machine['load'].split()[0]} after, in which the measurement itself counts."]
    for threads, lines in tables.items():
        clock = "time of the processor" if threads == 1 else "wall clock"
        parts += [f"**Threads: {threads}** ({clock})", table(HEAD, lines)]
    parts += [f"* {title} is left out: {reason}" for title, reason in reasons.items()]
    return "\n\n".join(parts)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    data = os.environ.get("POSE_DATA")
    references = Path(data, "reference_models") if data else None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="further models for the package's pipeline")
    parser.add_argument("--rounds", type=int, default=15, help="rounds that count (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    references_help = (
        "folder with movenet_lightning.onnx and movenet_thunder.onnx (default: POSE_DATA/reference_models)"
    )
    parser.add_argument("--references", type=Path, default=references, metavar="FOLDER", help=references_help)
    environments_help = "folder for the packages of others (default: peers/ in this Python's environment)"
    default = Path(sys.prefix, "peers")
    parser.add_argument("--environments", type=Path, default=default, metavar="FOLDER", help=environments_help)
    parser.add_argument("--out", type=Path, metavar="FILE", help="Markdown page whose part is replaced")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Prepare, measure, print the tables, and write the page."""
    args = arguments(argv)
    folders = Folders(args.environments.absolute(), args.references)
    load = describe_machine()["load"].split()[0]
    starts, reasons = prepared(candidates(args.models), folders)
    tables = {}
    for threads in args.threads:
        results = measure(starts, threads, args.rounds, reasons)
        tables[threads] = rows(results, {title: start.ap for title, start in starts.items()})
    text = report(tables, reasons, args.rounds, load)
    print(text)
    if args.out:
        write_whole(args.out, filled(args.out, {"peers": text}).encode())


def prepared(wanted: Sequence[Candidate], folders: Folders) -> tuple[dict[str, Start], dict[str, str]]:
    """Bring the files of all candidates into place.

    Args:
        wanted: the candidates.
        folders: where files of others are.

    Returns:
        Those that can be started, by title; and why others cannot, by title.
    """
    starts: dict[str, Start] = {}
    reasons: dict[str, str] = {}
    for candidate in wanted:
        with noting(reasons, candidate.title):
            starts[candidate.title] = candidate.prepare(folders)
    return starts, reasons


if __name__ == "__main__":
    main(sys.argv[1:])
