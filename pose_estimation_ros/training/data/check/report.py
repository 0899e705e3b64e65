"""Hold what a check has found, and write it as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pose_estimation_ros.core.errors import printable
from pose_estimation_ros.training.data.check.faults import Fault


@dataclass
class Report:
    """Hold what is known about one file or folder.

    Attributes:
        path: path of it.
        layout: what kind of file or folder it is, in words.
        facts: what it holds: numbers and names, by name.
        errors: what stops a command, or spoils its figures.
        warnings: what is accepted although it is probably a mistake.
    """

    path: str
    layout: str
    facts: dict[str, Any] = field(default_factory=dict)
    errors: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_faults(self, faults: list[Fault], stopped: str = "") -> None:
        """Add faults as errors, each once.

        Args:
            faults: the faults.
            stopped: what they stop, where it is not everything that reads the file.
        """
        known = {fault.problem for fault in self.errors}
        for fault in faults:
            if fault.problem not in known:
                suffix = f" (stops {stopped})" if stopped else ""
                self.errors.append(replace(fault, problem=fault.problem + suffix))

    def add_warnings(self, texts: list[str]) -> None:
        """Add warnings without the path that they begin with, each once, whichever example a reader names first."""
        known = {without_example(text) for text in self.warnings}
        for text in (text.removeprefix(f"{self.path}: ") for text in texts):
            if without_example(text) not in known:
                self.warnings.append(text)


def without_example(text: str) -> str:
    """Return a warning without the example that it names."""
    return text.split(", the first: ")[0]


def text_of(report: Report) -> str:
    """Write a report in lines for a terminal."""
    rows = [("layout", report.layout), *((title(name), value) for name, value in report.facts.items())]
    width = max(len(name) for name, _ in rows)
    lines = [report.path, *(f"  {name:{width}}  {value}" for name, value in rows)]
    lines += [f"  error: {fault.text()}" for fault in report.errors]
    lines += [f"  warning: {text}" for text in report.warnings]
    return "\n".join(map(printable, lines))


def title(name: str) -> str:
    """Return the name of a fact in words; names of topics stay as they are."""
    return name if name.startswith("/") else name.replace("_", " ")


def json_of(report: Report) -> dict[str, Any]:
    """Return a report as an object for JSON."""
    errors = [{"text": f.text(), "count": f.count, "examples": list(f.examples)} for f in report.errors]
    known = {"path": report.path, "layout": report.layout, "facts": report.facts}
    return {**known, "errors": errors, "warnings": report.warnings}
