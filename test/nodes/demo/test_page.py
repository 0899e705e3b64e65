import socket

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.demo import page, processes


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_the_usual_port_unless_another_program_has_it(monkeypatch, host):
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("needs IPv6")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as other:
        try:
            other.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no %s" % host)
        other.listen(1)
        monkeypatch.setattr(page, "PORT", other.getsockname()[1])
        assert page.usual_port(host) == 0
    assert page.usual_port(host) == page.PORT


def test_a_host_that_is_none_is_left_to_the_page():
    assert page.usual_port("no.such.host.invalid") == page.PORT


def test_without_aiohttp_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match="pip install aiohttp"):
        page.check_page()


def stub(tmp_path, monkeypatch, code, port=0):
    """Let the page be a program of this code."""
    (tmp_path / "web_view.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "NODES", "")
    return page.Page(port=port)


def test_the_address_is_the_first_one_that_the_node_tells(tmp_path, monkeypatch, capfd):
    told = "[WARN] [web_view]: slow", "[INFO] [web_view]: watch at http://[::1]:8/", "[INFO] [web_view]: http://x/"
    made = stub(tmp_path, monkeypatch, "import sys\nprint(%r, file=sys.stderr)" % "\n".join(told))
    assert made.end_reason() == "ended with exit code 0"
    assert made.address == "http://[::1]:8/"
    assert capfd.readouterr() == ("", "web_view: slow\n")


def test_without_an_address_there_is_the_reason(tmp_path, monkeypatch):
    made = stub(tmp_path, monkeypatch, "import sys\nsys.exit('web_view: error: port 8080 is in use')")
    assert made.end_reason() == "port 8080 is in use" and made.address == ""


FAILS_UNLESS_ANY = "import sys\nsys.exit(0 if 'port:=0' in sys.argv else 'web_view: error: in use')"


@pytest.mark.parametrize("port, same, reason", [(None, False, "ended with exit code 0"), (7, True, "in use")])
def test_a_page_that_finds_the_usual_port_taken_is_renewed_once(tmp_path, monkeypatch, port, same, reason):
    made = stub(tmp_path, monkeypatch, FAILS_UNLESS_ANY, port)
    made.process.wait()
    renewed = made.renewed()
    assert (renewed is made) == same
    assert renewed.end_reason() == reason
    assert renewed.renewed() is renewed


def test_a_page_that_runs_or_has_run_stays(tmp_path, monkeypatch, wait_until):
    made = stub(tmp_path, monkeypatch, "import time\nprint('http://x/', flush=True)\ntime.sleep(600)", None)
    assert made.renewed() is made
    wait_until(lambda: made.address)
    made.process.kill()
    assert made.end_reason() == "ended by the signal SIGKILL"
    assert made.renewed() is made
