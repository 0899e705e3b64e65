"""Lay out the help of `pose` commands: the purpose, named groups of options, examples."""

import argparse
from typing import Optional, Sequence


def describe(parser: argparse.ArgumentParser, text: Optional[str], examples: Sequence[str]) -> None:
    """Let the help of a command begin with a text and end with examples.

    Args:
        parser: Parser of the command; it is changed.
        text: What the command is for, its first line in one sentence. It is shown as it is broken into lines.
        examples: Command lines, which run in the root of the repository.
    """
    parser.description = text
    parser.epilog = "\n  ".join(["examples:", *examples])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def group(parser: argparse.ArgumentParser, title: str) -> "argparse._ArgumentGroup":
    """Return the group of arguments that has this title in the help, a new one where the parser has none.

    Args:
        parser: Parser of the command.
        title: What a user wants of these arguments: input, output, model, accuracy, speed, ...
    """
    known = (group for group in parser._action_groups if group.title == title)
    return next(known, None) or parser.add_argument_group(title)
