"""Install what the targets of the Makefile need into .venv: `setup_venv.py demo|build|nodes|dev`.

demo installs what runs the nodes, without torch; build adds colcon; nodes installs what the tests of the nodes need;
dev installs all of it. Steps that are up to date are skipped: a file for each step in .venv holds a hash of all that
the step depends on. The environment variable DISTRO names the ROS distribution of the wheels.
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("VENV", str(HERE / ".venv")))
DISTRO = os.environ.get("DISTRO", "kilted")
DISTROS = ("kilted", "jazzy")
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
CONSTRAINTS = [HERE / "constraints.txt", HERE / ("constraints-%s.txt" % DISTRO)]
GROUPS = {
    "demo": ["ros", "web"],
    "build": ["ros", "web", "colcon"],
    "nodes": ["ros", "web", "evaluate", "dev"],
    "dev": ["ros", "web", "colcon", "train", "evaluate", "dev"],
}
PACKAGE_SOURCES = ["pose_estimation_ros", "msg", "config", "launch", "models", "test/data", "tools/environment"]


def main(group):
    """Install one of GROUPS and this package, where that is not up to date."""
    check_machine()
    dependencies = content_hash(CONSTRAINTS + [HERE / "setup.py", HERE / "tools" / "environment"])
    sufficient = [name for name in GROUPS if set(GROUPS[group]) <= set(GROUPS[name])]
    if not any(is_done(name, dependencies) for name in sufficient):
        make_venv()
        install_dependencies(GROUPS[group] + [DISTRO])
        mark_done(group, dependencies)
    package = content_hash(HERE / name for name in PACKAGE_SOURCES + ["CMakeLists.txt", "package.xml"]) + dependencies
    if not is_done("package", package):
        say("building the messages and installing this package")
        pip("install", "--use-pep517", "--no-build-isolation", "--no-deps", "--force-reinstall", str(HERE))
        mark_done("package", package)


def check_machine():
    """Check Python and the build tools; end the program with one line that says what to install."""
    if DISTRO not in DISTROS:
        stop("expected DISTRO to be one of %s, got %s" % (", ".join(DISTROS), DISTRO))
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        bounds = "%d.%d to %d.%d" % (OLDEST_PYTHON + NEWEST_PYTHON)
        stop("needs CPython %s, this is %s: make PYTHON=python3.11 ..." % (bounds, sys.version.split()[0]))
    for program in ("g++", "cmake", "make"):
        if not shutil.which(program):
            stop("%s is missing: apt install g++ cmake make" % program)
    if not os.path.isfile(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
        stop("Python.h is missing: apt install python3-dev")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop("the modules venv and ensurepip are missing: apt install python3-venv")


def make_venv():
    """Create the environment; replace one that belongs to another version of Python."""
    version = VENV / "pyvenv.cfg"
    expected = "version = %d.%d." % sys.version_info[:2]
    if version.is_file() and expected in version.read_text() and (VENV / "bin" / "pip").exists():
        return
    say("making %s with Python %s" % (VENV, sys.version.split()[0]))
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def install_dependencies(extras):
    """Install the dependencies of the extras, whose names are read from setup.py.

    setup.py is parsed, not run, because it imports setuptools, which may not be installed yet.
    """
    values = {}
    for node in ast.parse((HERE / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id in ("RUNTIME", "EXTRAS"):
            values[node.targets[0].id] = ast.literal_eval(node.value)
    names = set(values["RUNTIME"]).union(*(values["EXTRAS"][extra] for extra in extras))
    say("installing %s (once; a few minutes)" % ", ".join(["the runtime"] + extras))
    constraints = [word for path in CONSTRAINTS for word in ("--constraint", str(path))]
    pip("install", *constraints, *sorted(names))
    subprocess.run(
        [str(VENV / "bin" / "python"), str(HERE / "tools" / "environment" / "fix_ros_wheels.py")], check=True
    )


def pip(*arguments):
    """Run the environment's pip with output to a log file; end the program with the end of the log if pip fails."""
    log = VENV / "setup.log"
    with log.open("a") as file:
        run = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
        code = subprocess.run(run, stdout=file, stderr=subprocess.STDOUT, cwd=str(HERE)).returncode
    if code:
        stop("pip failed; the end of %s:\n%s" % (log, "\n".join(log.read_text().splitlines()[-30:])))


def content_hash(paths):
    """Return the SHA-256 of the names and contents of all files at and below the paths."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts and not file.name.endswith(".tmp"):
                digest.update(str(file.relative_to(HERE)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def is_done(step, key):
    """Tell whether a step was done with the same hash of its dependencies."""
    stamp = VENV / ("done-" + step)
    return stamp.is_file() and stamp.read_text() == key


def mark_done(step, key):
    """Record the hash of the dependencies that a step was done with."""
    (VENV / ("done-" + step)).write_text(key)


def say(text):
    """Print a line of progress."""
    print("setup: " + text, flush=True)


def stop(text):
    """End the program with an error message."""
    sys.exit("setup: " + text)


if __name__ == "__main__":
    main(sys.argv[1])
