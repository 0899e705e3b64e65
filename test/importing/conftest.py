"""Leave out the tests of imports where onnx is not installed: it is no part of what a robot needs to run."""

from importlib.util import find_spec

if find_spec("onnx") is None:
    collect_ignore_glob = ["test_*.py"]
