"""Feed every target with new inputs, watch time and memory, and print a table. Run: `make fuzz`.

The exit code is 1 if a target failed. The input that made it fail is in out/fuzz/NAME/, with the log. Atheris
(libFuzzer) keeps the inputs that reach new lines.
"""

import argparse
import random
import re
import resource
import subprocess
import sys
import time
import traceback
from pathlib import Path

import atheris

from fuzz.mutations import mutated

OUT = Path("out", "fuzz")
# Atheris 3.0 never frees the arrays that instrumented comparisons of arrays make, and these modules make many.
LEAKING = ["pose_estimation_ros.core.lens", "pose_estimation_ros.core.camera"]
MOST_CPU_S, MOST_MB, LONGEST = 0.5, 600, 2**20
COLUMNS = "%-18s %12s %8s %8s  %s"


def main():
    """Fuzz the targets of the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", help="targets; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return fuzz(args.names[0], args.seconds)
    from fuzz.targets import TARGETS

    unknown = sorted(set(args.names) - set(TARGETS))
    if unknown:
        parser.error("expected targets out of %s, got %s" % (", ".join(TARGETS), ", ".join(unknown)))
    print(COLUMNS % ("target", "inputs", "MB", "slowest", "seen"))
    return int(sum([run(name, args.seconds) for name in args.names or TARGETS]) > 0)


def run(name, seconds):
    """Fuzz one target in a new process and print its line of the table; return whether it failed."""
    folder = OUT / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz", name, "--inside", "--seconds", str(seconds)]
    with (folder / "log").open("w+b") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
        log.seek(0)
        text = log.read().decode("utf-8", "backslashreplace")
    seen = "ok" if not code else "FAIL, exit code %d: %s; see %s" % (code, reason(text), folder / "log")
    print(
        COLUMNS % (name, counted(text, "number_of_executed_units"), counted(text, "peak_rss_mb"), slowest(text), seen)
    )
    sys.stdout.flush()
    return code != 0


def counted(text, name):
    """Return the last value of a statistic in a log of libFuzzer, "-" if it has none."""
    counts = re.findall(r"stat::%s:\s+(\d+)" % name, text) or re.findall(r"#(\d+)\s", text) or ["-"]
    return counts[-1]


def slowest(text):
    """Return the longest CPU time in a log, "-" if it has none."""
    times = re.findall(r"slowest: (\S+)", text)
    return times[-1] + " s" if times else "-"


def reason(text):
    """Return the error in a log of libFuzzer."""
    errors = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception|TooCostly)\b.*|^==\d+== ?ERROR.*", text, re.MULTILINE)
    return errors[0][:150] if errors else "no reason in the log"


class TooCostly(Exception):
    """Report that an input takes more time or memory than allowed."""


def fuzz(name, seconds):
    """Give inputs to a target until the time is up or something fails, which ends the process."""
    with atheris.instrument_imports(include=["pose_estimation_ros"], exclude=LEAKING):
        from fuzz.targets import TARGETS
    target, folder, longest = TARGETS[name], OUT / name, [0.0]
    seeds = list(target.seeds())
    corpus = folder / "corpus"
    for index, seed in enumerate(seeds):
        (corpus / ("seed%03d" % index)).write_bytes(seed)
        watched(target, seed)  # so that imports and tables that are made once count for no input

    def one(data):
        spent_s = watched(target, data)
        if spent_s > MOST_CPU_S:
            spent_s = min(spent_s, watched(target, data))
        if spent_s > longest[0]:
            longest[0] = spent_s
            print("slowest: %.3f" % spent_s, flush=True)
        if spent_s > MOST_CPU_S:
            print("TooCostly: %.2f s" % spent_s, flush=True)
            raise TooCostly("expected at most %g s of CPU time, got %.2f" % (MOST_CPU_S, spent_s))
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if peak_mb > MOST_MB:
            print("TooCostly: %.0f MB" % peak_mb, flush=True)
            raise TooCostly("expected at most %d MB, got %.0f" % (MOST_MB, peak_mb))

    def change(data, max_size, seed):
        rng = random.Random(seed)
        changed = atheris.Mutate(data, max_size) if rng.random() < 0.4 else mutated(data, rng, seeds, target.tokens)
        return target.repair(changed)[:max_size]

    flags = ["-max_total_time=%d" % seconds, "-max_len=%d" % LONGEST, "-rss_limit_mb=0", "-malloc_limit_mb=4000"]
    flags += [
        "-artifact_prefix=%s/" % folder,
        "-print_final_stats=1",
        "-timeout=60",
        "-len_control=0",
        "-close_fd_mask=2",
    ]
    atheris.Setup(["fuzz", str(corpus), *flags], one, custom_mutator=change)
    atheris.Fuzz()
    return 0


def watched(target, data):
    """Run a target on an input; return the CPU time in s."""
    start_s = time.process_time()
    try:
        target.run(data)
    except Exception as error:
        if not is_refusal(error):
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            raise
    return time.process_time() - start_s


def is_refusal(error):
    """Return whether an error is a PoseError, the one kind that a target may raise."""
    from pose_estimation_ros.core.errors import PoseError

    return isinstance(error, PoseError)


if __name__ == "__main__":
    sys.exit(main())
