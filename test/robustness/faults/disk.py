"""Fill the disk while the demo records: it must report that, and all it wrote before must be readable."""

import json
import os
import re
import subprocess
import sys

from tiny_models import write_color_model

from faults.rig import traceback_in
from faults.table import Fault, Outcome
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.imaging.video import ROOM_MB, open_source

VIDEO_KB = 300  # room for a part of the clip, beside what the recorder leaves free
TIMEOUT_S = 120
# Mounts a disk in a mount namespace of its own; the results are copied from it at the end.
SCRIPT = 'mount -t tmpfs -o size=$3k tmpfs "$1" || exit; disk=$1; saved=$2; shift 3; "$@"; code=$?; '
SCRIPT += 'cp -r "$disk/out" "$saved"; exit $code'
FAULT = Fault("disk full while recording", "the demo, on a disk of %d MB" % ROOM_MB, None, setting="disk", rounds=1)


def record(folder):
    """Run the demo with its results on a small disk; return its exit code, its output and the folder of the results."""
    disk, saved = os.path.join(folder, "disk"), os.path.join(folder, "saved")
    os.makedirs(disk), os.makedirs(saved)
    demo = [sys.executable, "-m", "pose_estimation_ros.nodes.demo", "--out", os.path.join(disk, "out")]
    demo += ["--rate-hz", "30", "--video", demo_clip()]
    demo += ["--model", write_color_model(folder), "--detector", "full_frame"]
    command = ["unshare", "-rm", "sh", "-c", SCRIPT, "sh", disk, saved, str(1000 * ROOM_MB + VIDEO_KB)] + demo
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
    return done.returncode, done.stdout.decode(), os.path.join(saved, "out")


def play(folder):
    """Run the demo and judge it; without root or user namespaces there is no small disk, which is no failure."""
    code, printed, out = record(folder)
    message = re.search("demo: error: .*disk full.*", printed)
    if message is None and not os.path.isdir(out):
        return Outcome("-", float("nan"), "not run: " + printed.strip()[-80:], None, [])
    checks = {
        "disk full was not reported": message,
        "expected code 1": code == 1,
        traceback_in(printed): "Traceback" not in printed,
        "the video cannot be read": _frames(os.path.join(out, "demo.mp4")) > 10,
        "keypoints are missing": _results(os.path.join(out, "keypoints.json")) > 10,
        "the summary is missing": _results(os.path.join(out, "summary.json")),
    }
    problems = [problem for problem, good in checks.items() if not good]
    seen = "%d frames can be played; %s" % (_frames(os.path.join(out, "demo.mp4")), message.group() if message else "")
    return Outcome("code %d" % code, float("nan"), seen, None, problems)


def _frames(path):
    """Count the frames that can be decoded."""
    with open_source(path) as video:
        return sum(1 for _ in video)


def _results(path):
    with open(path) as file:
        return len(json.load(file))
