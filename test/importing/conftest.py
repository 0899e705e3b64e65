"""Provide a web server without proxy; leave out the tests where onnx, which no robot needs to run, is not installed."""

from importlib.util import find_spec

import pytest
from file_server import file_server

if find_spec("onnx") is None:
    collect_ignore_glob = ["test_*.py", "*/test_*.py"]


@pytest.fixture
def server(monkeypatch):
    """Return a FileServer, which is asked directly whatever the environment says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with file_server() as running:
        yield running
