"""Write the commands of docs/reference/commands.md from the parsers of `pose`.

Run: PYTHONPATH=. .venv/bin/python tools/documentation/commands_doc.py; a test fails where the page differs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from page_parts import filled, prose, table

from pose_estimation_ros.__main__ import COMMANDS, _parser
from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.fields import WORDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"
DEFAULT = re.compile(r" ?\(default: (.*)\)$")
ARGPARSE_GROUPS = ("positional arguments", "options", "optional arguments")  # groups that argparse itself makes
# Folders in the user's home, as they are without these variables.
HOME = {"HOME": "~", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": ""}

Command = tuple[str, argparse.ArgumentParser]  # words behind `pose`, and their parser
NOT_RUN = "<!-- not run: tests compare the options with the parser -->"


def commands() -> list[Command]:
    """List all commands and their actions, such as `data toy`, with their parsers."""
    for module, _purpose, _extra in COMMANDS.values():
        importlib.import_module(module)  # before the home is another one, as libraries keep files there
    with patch.dict(os.environ, HOME):
        return [found for name in COMMANDS for found in below(name, _parser([name])[1])]


def below(name: str, parser: argparse.ArgumentParser | None) -> Iterator[Command]:
    """Yield a command and its actions.

    Args:
        name: words behind `pose`.
        parser: their parser.
    """
    if parser is not None:
        yield name, parser
        for action, child in actions_of(parser).items():
            yield from below(f"{name} {action}", child)


def actions_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a command's actions by name, none for most commands."""
    known = [a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(known[0]) if known else {}


def overview() -> str:
    """Return the table of all commands."""
    rows = [(f"[`pose {name}`](#pose-{name})", purpose, extra) for name, (_, purpose, extra) in COMMANDS.items()]
    return table(("command", "what it does", "pip extra"), rows)


def section(command: Command) -> str:
    """Return the text of a command: purpose, usage, options, examples."""
    name, parser = command
    parts = [f"{'##' if ' ' not in name else '###'} pose {name}", prose(parser.description or "")]
    if actions_of(parser):
        return "\n\n".join(parts)
    parts.append(f"```text\n{usage(name, parser)}\n```")
    rows = list(rows_of(parser))
    if rows:
        parts.append(table(("argument or option", "default", "values", "meaning"), rows))
    examples = [line.strip() for line in (parser.epilog or "").splitlines()[1:]]
    return "\n\n".join([*parts, NOT_RUN + "\n```\n" + "\n".join(examples) + "\n```"])


def usage(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the line that shows what a command needs; argparse's own differs between versions of Python.

    Args:
        name: words behind `pose`.
        parser: their parser.
    """
    shown = [action for action in parser._actions if is_shown(action)]
    positional = [positional_text(action) for action in shown if not action.option_strings]
    required = [option_text(action) for action in shown if action.option_strings and action.required]
    optional = ["[options]"] if any(a.option_strings and not a.required for a in shown) else []
    return " ".join(["pose", name, *positional, *required, *optional])


def positional_text(action: argparse.Action) -> str:
    """Return how often an argument may stand on the command line, as usage lines write it."""
    name = str(action.metavar)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def option_text(action: argparse.Action) -> str:
    """Return an option with the names of its values."""
    flags = ", ".join(action.option_strings)
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return flags
    name = action.metavar or ("VALUE" if action.choices else action.dest.upper())
    names = " ".join(name) if isinstance(name, tuple) else str(name)
    count = action.nargs if isinstance(action.nargs, int) and not isinstance(name, tuple) else 1
    return f"{flags} {' '.join([names] * count)}" + (" ..." if action.nargs == "+" else "")


def is_shown(action: argparse.Action) -> bool:
    """Tell whether the help shows an argument, apart from --help itself."""
    return action.help != argparse.SUPPRESS and action.dest != "help"


def rows_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the options, those of a group under its title."""
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if is_shown(action)]
        if shown and group.title not in ARGPARSE_GROUPS:
            yield f"**{group.title}**", "", "", ""
        for action in shown:
            yield row(action, parser)


def row(action: argparse.Action, parser: argparse.ArgumentParser) -> tuple[str, str, str, str]:
    """Return the cells of an argument.

    Args:
        action: the argument.
        parser: its parser, which knows what it excludes.
    """
    name = option_text(action) if action.option_strings else positional_text(action)
    text = parser._get_formatter()._expand_help(action)
    found = DEFAULT.search(text)
    meaning = re.sub(r"(?<!\.)\.$", "", DEFAULT.sub("", text)) + excluded(action, parser)
    if action.required and action.option_strings:
        meaning += "; required"
    return f"`{name}`", prose(found[1]) if found else "", values(action), prose(meaning)


def excluded(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """Name the options that cannot stand beside this one."""
    for group in parser._mutually_exclusive_groups:
        others = [other for other in group._group_actions if other is not action and is_shown(other)]
        if action in group._group_actions and others:
            return "; not together with " + " or ".join(other.option_strings[0] for other in others)
    return ""


def values(action: argparse.Action) -> str:
    """Return the choices or the range of an argument, "" where it takes any text and for a switch."""
    if action.choices:
        return ", ".join(f"`{choice}`" for choice in action.choices)
    expected = str(getattr(action.type, "expected", ""))
    return "" if expected == WORDS[str] else re.sub(r"(\d)\.0\b", r"\1", expected)


def parts() -> dict[str, str]:
    """Return the generated parts of the page by their names."""
    return {"overview": overview(), "commands": "\n\n".join(map(section, commands()))}


if __name__ == "__main__":
    write_whole(PAGE, filled(PAGE, parts()).encode())
