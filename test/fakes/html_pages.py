"""Read the pages of reports and check what holds of all of them."""

import re
from html.parser import HTMLParser
from pathlib import Path

from pose_estimation_ros.evaluation.report.render import environment

LOADING = {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video", "source", "use", "image"}


class Page(HTMLParser):
    """Collect tags with their attributes, the text as a browser shows it, and the elements that are left open."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("img", "meta", "wbr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.text.append(re.sub(r"\s+", " ", data))

    def having(self, tag):
        """Return the attributes of all elements with a tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def parse(path):
    """Return a report's page after checking that it is well-formed and loads nothing and runs no script."""
    content = Path(path).read_text()
    page = Page(content)
    assert page.open == [] and not LOADING & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on") or key == "href"]
        assert attributes.get("src", "data:image/jpeg;").startswith("data:image/jpeg;")
    style = content[content.index("<style>") : content.index("</style>")]
    assert "url(" not in style and "@import" not in style
    return page


def macro(name, *values):
    """Return the HTML that a macro of parts.html.j2 makes of the values."""
    return str(getattr(environment().get_template("parts.html.j2").module, name)(*values))
