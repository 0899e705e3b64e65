"""Add pages from outside of docs/ to the site that MkDocs makes, and correct the links for it: hooks for mkdocs.yml.

README.md is the home page; the model cards, ARCHITECTURE.md and CONTRIBUTING.md are pages, too. Links in the sources
are those of the repository, so that they work there. A link to a file that is no page of the site becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Path in the repository -> path in the site.
ELSEWHERE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "explanation/architecture.md",
    "CONTRIBUTING.md": "explanation/contributing.md",
    **{f"models/{path.name}": f"models/{path.name}" for path in sorted((ROOT / "models").glob("*.md"))},
}
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.M | re.S)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_others: Any) -> str:
    """Return a page whose links are those of the site."""
    parts = CODE.split(markdown)  # text and code in turns
    return "".join(part if part.startswith("`") else with_links(part, page.file.src_uri, files) for part in parts)


def with_links(text: str, page: str, files: Any) -> str:
    """Return the text with the links of the site.

    Args:
        text: of a page, without code.
        page: path of the page in the site.
        files: all files of the site.
    """
    source = {site: repository for repository, site in ELSEWHERE.items()}.get(page, f"docs/{page}")

    def link(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        label = LINK.sub(link, label) if "](" in label else label
        if not target or re.match(r"[a-z]+:", target):
            return f"[{label}]({target}{anchor})"
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        site = ELSEWHERE.get(path, path.removeprefix("docs/"))
        if files.get_file_from_path(site) is None:
            return label
        return f"[{label}]({posixpath.relpath(site, posixpath.dirname(page) or '.')}{anchor})"

    return LINK.sub(link, text)
