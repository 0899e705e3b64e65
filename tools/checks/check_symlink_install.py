"""Check that `colcon build --symlink-install` links every Python file to its source, so that the node runs an edit.

It builds a copy of the source tree in a temporary folder. Run it with the Python of an environment that has colcon, as
`make build` does.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
NAME = "pose_estimation_ros"
LITTER = "litter.pyc"
LEFT_OUT = (".*", "build", "install", "log", "out", "runs", "__pycache__", "*.egg-info")


def main() -> None:
    """Build a copy of the source tree twice and check what was installed."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "src", NAME)
        shutil.copytree(HERE, source, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (source / NAME / "core" / "__pycache__").mkdir()
        (source / NAME / "core" / "__pycache__" / LITTER).touch()
        for _ in range(2):  # the second build meets the links of the first one
            build(Path(folder))
        check_links(source / NAME, Path(folder, "install"))
        check_edit(source / NAME / "nodes" / "pose_node.py", Path(folder, "install"))
    print("symlink install: all Python files are links, and the node shows an edit")


def build(workspace: Path) -> None:
    """Run colcon in the workspace, with links in place of copies."""
    environment = dict(os.environ, AMENT_PREFIX_PATH=sys.prefix, CMAKE_PREFIX_PATH=sys.prefix)
    environment["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    colcon = [str(Path(sys.executable).parent / "colcon"), "build", "--symlink-install"]
    options = ["--cmake-args", "-DPython3_EXECUTABLE=" + sys.executable, "-DBUILD_TESTING=OFF"]
    subprocess.run(colcon + options, check=True, env=environment, cwd=workspace)


def check_links(package: Path, install: Path) -> None:
    """End the program with the names of installed files that are copies, missing or not part of the package.

    Args:
        package: The folder of the Python package in the source tree.
        install: colcon's install folder.
    """
    installed = next(install.glob(f"**/*-packages/{NAME}/nodes")).parent
    files = [path.relative_to(package) for path in package.rglob("*.py")]
    wrong = [str(file) for file in files if (installed / file).resolve() != (package / file).resolve()]
    if wrong or not files:
        sys.exit(f"symlink install: expected links into {package}, got copies or nothing: {', '.join(wrong)}")
    if list(installed.rglob(LITTER)):
        sys.exit(f"symlink install: expected no files of __pycache__, got {LITTER}")


def check_edit(file: Path, install: Path) -> None:
    """Edit a source file and end the program if the installed node does not run the edit.

    Args:
        file: Source file of the node.
        install: colcon's install folder.
    """
    file.write_text(file.read_text() + "\nprint('This is the edited file.')\n")
    node = f"source {install}/setup.bash && {install}/{NAME}/lib/{NAME}/pose_node"
    node += " --ros-args -p model:=/no/such/model.onnx"
    done = subprocess.run(["bash", "-c", node], capture_output=True, text=True)
    if "This is the edited file." not in done.stdout or "/no/such/model.onnx" not in done.stdout + done.stderr:
        sys.exit(f"symlink install: expected the node to run the edited file, got:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
