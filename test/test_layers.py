"""Check that each room imports only the rooms and libraries that ARCHITECTURE.md allows."""

import ast
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = "pose_estimation_ros"
ROS = {
    "rclpy",
    "sensor_msgs",
    "std_msgs",
    "std_srvs",
    "visualization_msgs",
    "diagnostic_msgs",
    "geometry_msgs",
    "builtin_interfaces",
    "rcl_interfaces",
}
MAY_IMPORT = {
    "core": {"numpy"},
    "imaging": {"numpy", "cv2"},
    "inference": {"numpy", "cv2", "onnxruntime", "openvino", "tensorrt", "tqdm"},
    "importing": {"numpy", "cv2", "onnx", "onnxruntime", "yaml"},
    "messages": {"numpy"},
    "cli": {"numpy", "cv2"},
    "datasets": {"numpy", "pycocotools", "PIL", "h5py"},
    "nodes": {"numpy", "cv2", "cv_bridge", "aiohttp", "launch", "launch_ros"} | ROS,
    "evaluation": {
        "numpy",
        "cv2",
        "pycocotools",
        "tqdm",
        "jinja2",
        "rosbags",
        "apsw",
        "backports",
        "lz4",
        "yaml",
        "onnx",
        "matplotlib",
        "PIL",
        "ray",
    },
    "training": {
        "numpy",
        "cv2",
        "torch",
        "lightning",
        "lightning_fabric",
        "onnx",
        "onnxruntime",
        "yaml",
        "tqdm",
        "h5py",
        "tensorboardX",
        "pycocotools",
    },
}
BELOW = {
    "core": {"core"},
    "imaging": {"core", "imaging"},
    "inference": {"core", "imaging", "inference"},
    "importing": {"core", "imaging", "inference", "importing"},
    "messages": {"core", "messages"},
    "nodes": {"core", "imaging", "inference", "importing", "messages", "nodes", "msg"},
    "datasets": {"core", "datasets"},
    "evaluation": {"core", "imaging", "inference", "importing", "messages", "datasets", "evaluation"},
    "training": {"core", "imaging", "inference", "importing", "datasets", "evaluation", "training"},
    "cli": {
        "core",
        "imaging",
        "inference",
        "importing",
        "messages",
        "nodes",
        "datasets",
        "evaluation",
        "training",
        "cli",
    },
}


def files(layer):
    """Yield the paths of a room's Python files."""
    for folder, _folders, names in os.walk(os.path.join(ROOT, PACKAGE, layer)):
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))


def imports(path):
    """Yield line and dotted name of every import anywhere in a file."""
    with open(path) as file:
        tree = ast.parse(file.read(), path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "%s:%d: relative import" % (path, node.lineno)
            whole = node.module == PACKAGE
            yield from ((node.lineno, node.module + "." + alias.name if whole else node.module) for alias in node.names)


def is_allowed(name, layer):
    """Tell whether a room may import a module."""
    parts = name.split(".")
    if parts[0] == PACKAGE:
        return parts[1] in BELOW[layer] or parts[1] == "__version__"
    return parts[0] in sys.stdlib_module_names or parts[0] in MAY_IMPORT[layer]


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_imports(layer):
    entries = [(path, line, name) for path in files(layer) for line, name in imports(path)]
    assert entries, "no import in layer %s" % layer
    assert [entry for entry in entries if not is_allowed(entry[2], layer)] == []


@pytest.mark.parametrize(
    "name, layer",
    [
        ("scipy.ndimage", "core"),
        ("cv2", "core"),
        ("rclpy.node", "inference"),
        ("torch", "inference"),
        ("torch", "nodes"),
    ]
    + [
        (PACKAGE + ".nodes.run", "training"),
        (PACKAGE + ".training", "inference"),
        (PACKAGE + ".inference.image", "core"),
        (PACKAGE + ".cli.live", "nodes"),
    ],
)
def test_the_test_can_fail(name, layer):
    assert not is_allowed(name, layer)


@pytest.mark.parametrize(
    "engine, file",
    [("onnxruntime", "onnxruntime.py"), ("tensorrt", "api.py"), ("openvino", "openvino.py")],
)
def test_engines_stay_in_their_files(engine, file):
    """Only one file imports each engine; backends/open.py imports that file when the engine is asked for."""
    users = [os.path.basename(p) for p in files("inference") if any(n.split(".")[0] == engine for _l, n in imports(p))]
    assert users == [file]
