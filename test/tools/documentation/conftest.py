"""Provide the modules of tools/documentation, which import one another by name, and small data sets and models."""

import importlib

import pytest
from colored_dots import dots, model  # noqa: F401


@pytest.fixture
def documentation(repository, monkeypatch):
    """Return a function that imports a module of tools/documentation by its name."""
    monkeypatch.syspath_prepend(str(repository / "tools" / "documentation"))
    return importlib.import_module


@pytest.fixture
def spec(documentation, save_onnx, save_spec, monkeypatch, tmp_path):
    """Return a function: fields of the spec -> the spec of a tiny network in place of the shipped ones."""

    # All are imported before one is changed, because they import one another.
    modules = [documentation(module) for module in ("shipped_models", "model_card", "zoo_table")]

    def make(name="tiny", **fields):
        path = save_onnx(name, [("Relu", ["images"], ["heatmaps"], {})], {"images": [1]}, {"heatmaps": [1]}, {})
        save_spec(path, **{"name": name, "training": {"model": "elpn_v1", "name": "run"}, **fields})
        for module in modules:
            monkeypatch.setattr(module, "MODELS", tmp_path)
        return next(found for found in modules[0].specs() if found.name == name)

    return make
