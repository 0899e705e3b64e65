"""The same on a Ray cluster of two workers on this machine; skipped where Ray is not installed, as by `make`.

A stand-in for Ray, which runs tasks in this process, shows what each task gets and what becomes of one that fails.
"""

import json
import os
import sys
from types import SimpleNamespace

import pytest
from result_files import files

from pose_estimation_ros.__main__ import main


def test_without_ray_it_says_what_is_missing(monkeypatch, tmp_path, color_model, save_bag, stamps, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    path = save_bag("a", stamps(1))
    assert main(["evaluate-bag", str(path), "--out", str(tmp_path / "out"), "--ray", "auto"]) == 1
    assert "--ray needs Ray: pip install" in capsys.readouterr().err


class RayError(Exception):
    """Stands in for Ray's own."""


class LocalRay:
    """Runs a task when its result is asked for; a task of the bag "lost" fails the first time."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self):
        self.cpus, self.is_open, self._failed = [], False, False

    def init(self, address, log_to_driver):
        self.is_open = True

    def shutdown(self):
        self.is_open = False

    def remote(self, num_cpus, max_retries):
        self.cpus.append(num_cpus)
        return lambda function: SimpleNamespace(remote=lambda *args: (function, json.dumps(args)))

    def wait(self, tasks):
        return tasks[:1], tasks[1:]

    def get(self, task):
        function, args = task
        settings, folder = json.loads(args)
        if settings["bags"][0].endswith("lost") and not self._failed:
            self._failed = True
            raise RayError("the worker died\nno memory")
        return function(settings, folder)


def test_tasks_get_settings_and_those_that_fail_are_tried_once_more(
    evaluate, save_bag, stamps, tmp_path, monkeypatch, capsys
):
    ray = LocalRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.chdir(tmp_path)
    save_bag("a", stamps(3))
    save_bag("lost", stamps(2))
    alone = evaluate("a", "none", "lost", out="alone")
    spread = evaluate("a", "none", "lost", "--ray", "auto", out="spread")
    assert alone == spread and alone[0] == 1 and [run["bag"] for run in alone[1]] == ["a", "lost"]
    assert files(tmp_path / "alone") == files(tmp_path / "spread")
    assert ray.cpus == [1, 1] and not ray.is_open
    assert "to be tried once more: its task on Ray failed: no memory" in capsys.readouterr().err


@pytest.fixture(scope="module")
def cluster():
    """The address of two nodes with one CPU each."""
    pytest.importorskip("ray", reason="Ray is an optional extra: pip install -c constraints.txt ray")
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "200")  # 30 on a busy machine are too few
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 10**8}
    nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    nodes.add_node(**node)
    yield nodes.address
    nodes.shutdown()


def test_the_same_as_one_after_the_other(cluster, evaluate, save_bag, stamps, tmp_path):
    given = [save_bag("a", stamps(9)), tmp_path / "none", save_bag("b", stamps(2)), save_bag("c", stamps(4))]
    alone, spread = evaluate(*given, out="alone"), evaluate(*given, "--ray", cluster, out="spread")
    assert alone == spread and alone[0] == 1 and [run["bag"] for run in alone[1]] == ["a", "b", "c"]
    assert files(tmp_path / "alone") == files(tmp_path / "spread")
