"""Makes .venv ready where it is not: `python3 tools/setup_venv.py demo|build|nodes|dev`, for the Makefile.

demo: what runs the nodes, no torch. build: colcon too. nodes: what their tests need. dev: all of it. A file per step
holds the hash of what the step depends on. The environment variable DISTRO names the ROS distribution of the wheels.
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("VENV", str(HERE / ".venv")))
DISTRO = os.environ.get("DISTRO", "kilted")
DISTROS = ("kilted", "jazzy")
CONSTRAINTS = [HERE / "constraints.txt", HERE / ("constraints-%s.txt" % DISTRO)]
GROUPS = {
    "demo": ["ros"],
    "build": ["ros", "colcon"],
    "nodes": ["ros", "evaluate", "dev"],
    "dev": ["ros", "colcon", "train", "evaluate", "dev"],
}
PACKAGE_SOURCES = ["pose_estimation_ros", "msg", "config", "launch", "models", "test/data", "tools"]


def main(group):
    check_machine()
    dependencies = content_hash(CONSTRAINTS + [HERE / "setup.py", HERE / "tools"])
    wider = [name for name in GROUPS if set(GROUPS[group]) <= set(GROUPS[name])]
    if not any(is_done(name, dependencies) for name in wider):
        make_venv()
        install_dependencies(GROUPS[group] + [DISTRO])
        mark_done(group, dependencies)
    package = content_hash(HERE / name for name in PACKAGE_SOURCES + ["CMakeLists.txt", "package.xml"]) + dependencies
    if not is_done("package", package):
        say("building the messages and installing this package")
        pip("install", "--use-pep517", "--no-build-isolation", "--no-deps", "--force-reinstall", str(HERE))
        mark_done("package", package)


def check_machine():
    """Ends with one line that says what to install."""
    if DISTRO not in DISTROS:
        stop("expected DISTRO to be one of %s, got %s" % (", ".join(DISTROS), DISTRO))
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        stop("needs CPython 3.10, 3.11 or 3.12, this is %s: make PYTHON=python3.11 ..." % sys.version.split()[0])
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
    """Makes the environment, anew if it is of another Python."""
    version = VENV / "pyvenv.cfg"
    ours = "version = %d.%d." % sys.version_info[:2]
    if version.is_file() and ours in version.read_text() and (VENV / "bin" / "pip").exists():
        return
    say("making %s with Python %s" % (VENV, sys.version.split()[0]))
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def install_dependencies(extras):
    """The names are those of setup.py, read without running it: it needs setuptools, which is not here yet."""
    values = {}
    for node in ast.parse((HERE / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id in ("RUNTIME", "EXTRAS"):
            values[node.targets[0].id] = ast.literal_eval(node.value)
    names = set(values["RUNTIME"]).union(*(values["EXTRAS"][extra] for extra in extras))
    say("installing %s (once; a few minutes)" % ", ".join(["the runtime"] + extras))
    constraints = [word for path in CONSTRAINTS for word in ("--constraint", str(path))]
    pip("install", *constraints, *sorted(names))
    subprocess.run([str(VENV / "bin" / "python"), str(HERE / "tools" / "fix_ros_wheels.py")], check=True)


def pip(*arguments):
    log = VENV / "setup.log"
    with log.open("a") as file:
        run = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
        code = subprocess.run(run, stdout=file, stderr=subprocess.STDOUT, cwd=str(HERE)).returncode
    if code:
        stop("pip failed; the end of %s:\n%s" % (log, "\n".join(log.read_text().splitlines()[-30:])))


def content_hash(paths):
    """Of all files at and below the paths: their names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts and not file.name.endswith(".tmp"):
                digest.update(str(file.relative_to(HERE)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def is_done(step, key):
    stamp = VENV / ("done-" + step)
    return stamp.is_file() and stamp.read_text() == key


def mark_done(step, key):
    (VENV / ("done-" + step)).write_text(key)


def say(text):
    print("setup: " + text, flush=True)


def stop(text):
    sys.exit("setup: " + text)


if __name__ == "__main__":
    main(sys.argv[1])
