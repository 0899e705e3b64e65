"""Say what of this package and of its surroundings is installed, and what would mend the rest.

The marks are - for what is missing and ! for what is broken; most of what is missing is needed for some commands only.
No camera is opened. Exit status: 0 poses can be computed on this machine, 1 they cannot.
"""

import argparse
import json

from pose_estimation_ros.inference.doctor.examine import examine, obstacle, to_text, to_values

EXAMPLES = ("pose doctor", "pose doctor --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of the command to its parser."""
    parser.add_argument("--json", action="store_true", help="print JSON, for reports of faults")


def main(args: argparse.Namespace) -> int:
    """Examine the machine, print what was found, and return the exit code."""
    findings = examine()
    print(json.dumps(to_values(findings), indent=1) if args.json else to_text(findings))
    return 1 if obstacle(findings) else 0
