"""Check how programs take orders and answer, with programs of a few lines in processes of their own."""

import itertools
import os
import sys
import textwrap

import pytest

from benchmarks.peers.protocol import LeftOut, Program, timed


@pytest.fixture
def program(tmp_path, repository):
    """Return a function that starts a program from its source text."""

    def start(text):
        path = tmp_path / "program.py"
        path.write_text("from benchmarks.peers.protocol import serve\n" + textwrap.dedent(text))
        return Program([sys.executable, str(path)], {**os.environ, "PYTHONPATH": str(repository)})

    return start


def test_no_piece_gives_empty_lists():
    assert timed(iter([lambda: 1]), 0) == {"wall_ms": [], "processor_ms": [], "people": []}


def test_each_piece_has_its_times_and_people():
    answer = timed(iter([lambda: 3, lambda: 0, lambda: 5]), 2)
    assert answer["people"] == [3, 0]
    assert len(answer["wall_ms"]) == len(answer["processor_ms"]) == 2 and min(answer["wall_ms"]) >= 0


def test_what_the_iterator_does_is_not_timed():
    inside = []

    def pieces():
        for number in itertools.count():
            inside.append("between")
            yield lambda number=number: inside.append("piece") or number

    timed(pieces(), 2)
    assert inside == ["between", "piece"] * 2


def test_a_program_answers_orders_and_its_prints_do_not_disturb(program):
    source = """
        import itertools, os
        def open_works():
            print("a library says hello")
            cores = lambda: len(os.sched_getaffinity(0))
            return {"b": itertools.repeat(cores), "a": map(lambda n: lambda: n, itertools.count())}
        serve(open_works, 1)
    """
    with program(source) as running:
        assert running.works == ["a", "b"]
        assert running.ask("a", 2)["people"] == [0, 1]
        assert running.ask("b", 1)["people"] == [1]  # it is bound to one core
        assert running.ask("a", 1)["people"] == [2]  # a work goes on where it was


@pytest.mark.parametrize("source, words", [
    ("raise SystemExit('no network here')", "no network here"),
    ("raise SystemExit(3)", "exit code 3"),
])  # fmt: skip
def test_a_program_that_cannot_start_is_left_out(program, source, words):
    with pytest.raises(LeftOut, match=words):
        program(source)


def test_a_program_that_ends_early_is_left_out(program):
    source = "serve(lambda: {'a': iter([lambda: 1, lambda: 1 / 0])}, 1)"
    with program(source) as running:
        assert running.ask("a", 1)["people"] == [1]
        for _again in range(2):
            with pytest.raises(LeftOut, match="ZeroDivisionError"):
                running.ask("a", 1)
