"""Check that `make help` explains every target of the Makefile."""

import re
import shutil
import subprocess

import pytest

GROUPS = ["Use", "Develop", "Measure", "Train"]


def phony(text):
    """Targets that a Makefile declares as .PHONY."""
    return set(" ".join(re.findall(r"^\.PHONY:(.*)$", text, re.M)).split())


def targets(text):
    """Targets that have rules; `%` is a pattern of the names before it."""
    return set(" ".join(re.findall(r"^([a-z][\w -]*):(?!=)", text, re.M)).split())


def explained(text):
    """{target: explanation} in the output of `make help`."""
    return dict(re.findall(r"^  (\S+) +(\S.*)$", text, re.M))


@pytest.fixture(scope="module")
def help_text(repository):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=str(repository), stdout=subprocess.PIPE, universal_newlines=True
    )
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("text, declared, ruled", [
    ("", set(), set()),
    ("A = b: c\n.PHONY: a b\na: ## x\n\tb: c\n", {"a", "b"}, {"a"}),
    (".PHONY: a\na: b ## x\n.PHONY: c-d\nc-d e: c-%: f\n", {"a", "c-d"}, {"a", "c-d", "e"}),
])  # fmt: skip
def test_targets_are_read(text, declared, ruled):
    assert (phony(text), targets(text)) == (declared, ruled)


def test_all_targets_are_phony(repository):
    text = (repository / "Makefile").read_text()
    assert len(targets(text)) > 30 and phony(text) == targets(text)


def test_help_explains_each_target_in_a_line(repository, help_text):
    lines = explained(help_text)
    assert set(lines) == phony((repository / "Makefile").read_text())
    assert [line for line in help_text.splitlines() if len(line) > 120] == []
    assert [name for name, line in lines.items() if not re.match(r"[A-Z][a-z]+ .{10}", line)] == []


def test_help_is_in_groups(help_text):
    assert re.findall(r"^(\w.*)$", help_text, re.M) == GROUPS
