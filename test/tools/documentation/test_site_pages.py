"""The site of the documentation has every page, and its links are those of the repository."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository / "tools" / "documentation"))
    import site_pages

    sys.path.pop(0)
    return site_pages


class Site:
    """Stand for MkDocs' files."""

    def get_file_from_path(self, path):
        return path if path in ("index.md", "how-to/train.md", "models/README.md", "images/demo.jpg") else None


HOME, GUIDE, CARDS = "index.md", "how-to/train.md", "models/README.md"


@pytest.mark.parametrize(
    "page, text, expected",
    [
        (HOME, "", ""),
        (HOME, "[a](docs/how-to/train.md#data)", "[a](how-to/train.md#data)"),
        (HOME, "![b](docs/images/demo.jpg)", "![b](images/demo.jpg)"),
        (HOME, "[![b](docs/images/demo.jpg)](docs/how-to/train.md)", "[![b](images/demo.jpg)](how-to/train.md)"),
        (HOME, "`[a](setup.py)`\n```\n[a](setup.py)\n```\n", "`[a](setup.py)`\n```\n[a](setup.py)\n```\n"),
        (GUIDE, "[a](../../README.md#start)", "[a](../index.md#start)"),
        (GUIDE, "[b](../../models/README.md)", "[b](../models/README.md)"),
        (GUIDE, "[a](../../setup.py), [b](https://x.org/docs)", "a, [b](https://x.org/docs)"),
        (CARDS, "[a](../docs/how-to/train.md) [b](#rights)", "[a](../how-to/train.md) [b](#rights)"),
    ],
)
def test_links(tool, page, text, expected):
    shown = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert tool.on_page_markdown(text, shown, Site()) == expected


def test_every_page_is_in_the_navigation_once(tool, repository):
    text = re.sub(r"!!python/\S+", "", (repository / "mkdocs.yml").read_text())
    named = re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text)["nav"]))
    listed = subprocess.run(["git", "ls-files", "docs/*.md"], cwd=repository, capture_output=True, text=True).stdout
    pages = [path.removeprefix("docs/") for path in listed.split()] + list(tool.ELSEWHERE.values())
    if not listed:
        pytest.skip("needs git and the repository")
    assert sorted(named) == sorted(page for page in pages if not re.match(r"models/(?!README)", page))
