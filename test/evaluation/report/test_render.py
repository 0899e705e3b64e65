"""Pages of a report: what is escaped, what is refused, and that an installed package has its templates."""

import shutil
import subprocess
import sys

import pytest
from jinja2 import UndefinedError

from pose_estimation_ros.evaluation.report.parts import Table
from pose_estimation_ros.evaluation.report.render import TEMPLATES, environment, render

PAGES = sorted(path.name for path in TEMPLATES.glob("*.j2"))


def test_page_escapes_its_title():
    assert "<title>&lt;a&gt; {{ b }} $c</title>" in render("page.html.j2", title="<a> {{ b }} $c")


def test_the_style_is_in_the_page_as_it_is():
    assert (TEMPLATES / "report.css").read_text().strip() in render("page.html.j2", title="a")


def test_a_missing_value_is_refused():
    with pytest.raises(UndefinedError, match="title"):
        render("page.html.j2")


@pytest.mark.parametrize("name", PAGES)
def test_no_template_turns_escaping_off(name):
    source = (TEMPLATES / name).read_text()
    assert "safe" not in source and "autoescape" not in source
    assert environment().get_template(name)


@pytest.mark.parametrize("rows, folded", [(0, False), (40, False), (41, True)])
def test_a_table_of_many_keypoints_is_folded(rows, folded):
    template = environment().from_string('{% from "parts.html.j2" import long_table %}{{ long_table(data) }}')
    page = template.render(data=Table(("", "% near"), [("face %d" % k, "99.5") for k in range(rows)]))
    assert page.count("<tr><th>face") == rows and ("<details><summary>Table of 41 rows" in page) == folded


def test_templates_are_found_where_the_package_is_installed(tmp_path, repository):
    """The package's folder elsewhere, as CMake installs it."""
    package = "pose_estimation_ros"
    shutil.copytree(repository / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    code = f"""
import {package}.evaluation.report.render as render
assert render.__file__.startswith({str(tmp_path)!r}), render.__file__
for name in {PAGES!r}:
    render.environment().get_template(name)
print(render.render("page.html.j2", title="installed"))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "<title>installed</title>" in done.stdout and "border-collapse" in done.stdout
