"""The Python that README shows prints what README shows."""

import os
import re
import subprocess
import sys

import numpy as np

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def test_the_lines_in_python_print_what_stands_below_them(repository, environment, tmp_path):
    part = (repository / "README.md").read_text().split("\n## In Python\n")[1].split("\n## ")[0]
    code, printed = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", part, re.S).groups()
    os.symlink(str(repository / "test"), str(tmp_path / "test"))
    command = [sys.executable, "-c", code]
    output = subprocess.check_output(command, cwd=str(tmp_path), env=environment, universal_newlines=True)
    assert NUMBER.sub("N", output) == NUMBER.sub("N", printed)
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (output, printed)]
    assert np.abs(np.subtract(*numbers)).max() <= 2, "px; other processors round differently"
    assert (tmp_path / "out.jpg").stat().st_size > 10000
