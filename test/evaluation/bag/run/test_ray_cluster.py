"""The same on a Ray cluster of two workers on this machine; skipped where Ray is not installed, as by `make`."""

import os
import sys

import pytest
from result_files import files

from pose_estimation_ros.__main__ import main


def test_without_ray_it_says_what_is_missing(monkeypatch, tmp_path, color_model, save_bag, stamps, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    path = save_bag("a", stamps(1))
    assert main(["evaluate-bag", str(path), "--out", str(tmp_path / "out"), "--ray", "auto"]) == 1
    assert "--ray needs Ray: pip install" in capsys.readouterr().err


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
