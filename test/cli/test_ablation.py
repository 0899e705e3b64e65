"""The command's own part: its arguments, what it prints and its exit code; the work is in test/training/ablation."""

import pytest

pytest.importorskip("torch", reason="trains with torch")

from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.cli import ablation as module  # noqa: E402
from pose_estimation_ros.training.ablation.run import Ablation, Result  # noqa: E402
from pose_estimation_ros.training.ablation.table import load_table, table_names  # noqa: E402


@pytest.fixture
def ablations(monkeypatch):
    """A function: whether the work was finished -> the ablations with which it is then called."""

    def replace(finished):
        asked = []

        def work(ablation, on_scored):
            asked.append(ablation)
            on_scored("(1,1,1)", 1, 30.126)
            return load_table(ablation.table), [Result("(1,1,1)", 10_100_000, 4.4, {1: 30.126})], finished

        monkeypatch.setattr(module, "ablate", work)
        return asked

    return replace


def test_without_a_table_all_are_listed_with_their_rows(capsys):
    assert command.main(["ablation"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in table_names()) and "\n  ELPN+MSET\n" in printed


def test_arguments_reach_the_work_and_the_table_is_printed(ablations, capsys, tmp_path):
    (asked,) = [ablations(True)]
    line = ["ablation", "elpn_table5", "epochs=2", "lr=1", "--small", "--seeds", "3", "--out", str(tmp_path)]
    assert command.main([*line, "--rows", "(1,1,1)", "(1,2,1)"]) == 0
    rows, changes = ("(1,1,1)", "(1,2,1)"), ("epochs=2", "lr=1")
    assert asked == [Ablation("elpn_table5", rows, True, 3, str(tmp_path), changes)]
    printed = capsys.readouterr().out
    assert "(1,1,1), seed 1: 30.13\n" in printed and f"wrote {tmp_path / 'elpn_table5_small.md'}\n" in printed
    assert (tmp_path / "elpn_table5_small.json").is_file()


def test_an_interruption_has_its_exit_code_and_keeps_the_table(ablations, tmp_path):
    ablations(False)
    assert command.main(["ablation", "elpn_table5", "--out", str(tmp_path)]) == 130
    assert (tmp_path / "elpn_table5.csv").is_file()


@pytest.mark.parametrize(
    "arguments, message", [(["elpn_tabel6"], "did you mean"), (["elpn_table5", "epoch=2"], "epochs")]
)
def test_a_wrong_name_ends_in_one_line(arguments, message, capsys):
    assert command.main(["ablation", *arguments, "--seeds", "0"]) == 1
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1
