"""Do every fault to the real node and print the table; the exit code is 1 if any failed. Run: `make faults`.

Faults can be chosen by words of their names.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time

from faults import disk
from faults.table import FAULTS, make_rig, play
from pose_estimation_ros.nodes.demo import processes

COLUMNS = "%-25s %-41s %-7s %7s %9s  %-5s %s"
SEEN = 90  # characters of a report


def main():
    """Run the faults of the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="words out of the names of the faults wanted; default: all")
    names = parser.parse_args().names
    chosen = [fault for fault in FAULTS + [disk.FAULT] if not names or any(n in fault.name for n in names)]
    processes.isolate()
    begin_s, failed = time.monotonic(), 0
    print(COLUMNS % ("fault", "what was done", "node", "MB more", "recovery", "", "seen"))
    for setting, faults in itertools.groupby(chosen, lambda fault: fault.setting):
        with tempfile.TemporaryDirectory() as folder:
            failed += run(list(faults), setting, folder)
    print("%d faults, %d failed, %.0f s" % (len(chosen), failed, time.monotonic() - begin_s))
    return int(failed > 0)


def run(faults, setting, folder):
    """Run the faults of one setting; return how many failed."""
    if setting == disk.FAULT.setting:
        return show(disk.FAULT, disk.play(folder))
    rig = make_rig(setting, folder)
    try:
        return sum([show(fault, play(fault, rig)) for fault in faults])
    finally:
        rig.stop()


def show(fault, outcome):
    """Print the line of the table; return whether the fault failed."""
    recovery = "-" if outcome.recovery_s is None else "%.2f s" % outcome.recovery_s
    growth = "-" if outcome.growth_mb != outcome.growth_mb else "%+.1f" % outcome.growth_mb
    verdict = "FAIL" if outcome.problems else "ok"
    remarks = "; ".join(outcome.problems + [outcome.seen[:SEEN]] if outcome.seen else outcome.problems)
    done = "%s%s" % (fault.done, " (x %d)" % fault.rounds if fault.rounds > 1 else "")
    print(COLUMNS % (fault.name, done, outcome.end, growth, recovery, verdict, remarks), flush=True)
    return bool(outcome.problems)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # skips the end of the interpreter, at which threads of the middleware may crash
