"""The blocks of docs/tutorials/evaluate-a-recording.md, run one after the other on a shorter film."""

import pytest

pytest.importorskip("rosbags", reason="reads bags")
pytest.importorskip("pycocotools", reason="evaluates")


def test_the_commands_work_in_order_and_print_what_the_page_shows(walk, desk, small_toy_set):
    walk("evaluate-a-recording.md", {})
    assert (desk / "out/bags/report.html").stat().st_size > 10000
