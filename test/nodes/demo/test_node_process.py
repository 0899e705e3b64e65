import pytest

from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.demo.node_process import NodeProcess, pass_on


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a program as the node "stub"."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "NODES", "")

    def run(code, on_line=None, **parameters):
        (tmp_path / "stub.py").write_text("import os, signal, sys\n" + code)
        return NodeProcess("stub", parameters, {"SHOWN": "by the node"}, on_line)

    return run


@pytest.mark.parametrize(
    "code, reason",
    [
        ("", "ended with exit code 0"),
        ("sys.exit(3)", "ended with exit code 3"),
        ("print('well', file=sys.stderr)", "ended with exit code 0"),
        ("print('stub: error: no model'); print('[INFO] [x]: the end'); sys.exit(1)", "no model"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("print('last words', flush=True); print('[INFO] [x]: y', flush=True); os._exit(1)", "last words"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by the signal SIGKILL"),
        ("print('stub: error: early', flush=True); os.abort()", "early"),
        (r"sys.stdout.buffer.write(b'stub: error: \xff\n'); sys.exit(1)", r"\xff"),
    ],
)
def test_the_reason_of_the_end(run, code, reason):
    assert run(code).end_reason() == reason


def test_each_line_is_read_and_a_reader_that_fails_stops_nothing(run):
    lines = []

    def fail(line):
        lines.append(line)
        raise BrokenPipeError

    code = "print(os.environ['SHOWN'])\nprint('\\n' + 'x' * 100000)\nprint(sys.argv[1:])\nsys.exit('stub: error: end')"
    assert run(code, fail, name="value").end_reason() == "end"
    assert lines == ["by the node", "x" * 100000, "['--ros-args', '-p', 'name:=\"value\"']", "stub: error: end"]


@pytest.mark.parametrize(
    "line, shown",
    [
        ("[INFO] [pose_node]: model", ""),
        ("[DEBUG] [pose_node]: model", ""),
        ("pose_node: error: told at the end", ""),
        ("[WARN] [front.pose_node]: slow", "front.pose_node: slow\n"),
        ("[ERROR] [rcl]: oh", "rcl: oh\n"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):\n"),
        ("free words [INFO] [x]", "free words [INFO] [x]\n"),
    ],
)
def test_what_is_passed_on(capsys, line, shown):
    pass_on(line)
    assert capsys.readouterr() == ("", shown)
