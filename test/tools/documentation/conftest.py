"""Provide the modules of tools/documentation, which import one another by name."""

import importlib

import pytest


@pytest.fixture
def documentation(repository, monkeypatch):
    """Return a function that imports a module of tools/documentation by its name."""
    monkeypatch.syspath_prepend(str(repository / "tools" / "documentation"))
    return importlib.import_module


@pytest.fixture
def spec(documentation, save_onnx, save_spec, monkeypatch, tmp_path):
    """Return a function: fields of the spec -> the spec of a tiny network in place of the shipped ones."""

    def make(name="tiny", **fields):
        path = save_onnx(name, [("Relu", ["images"], ["heatmaps"], {})], {"images": [1]}, {"heatmaps": [1]}, {})
        save_spec(path, **{"name": name, "training": {"model": "elpn_v1", "name": "run"}, **fields})
        shipped = documentation("shipped_models")
        monkeypatch.setattr(shipped, "MODELS", tmp_path)
        monkeypatch.setattr(documentation("model_card"), "MODELS", tmp_path)
        return next(found for found in shipped.specs() if found.name == name)

    return make
