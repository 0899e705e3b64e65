"""Reads the pages of reports and checks what holds of all of them."""

from html.parser import HTMLParser
from pathlib import Path

LOADING = {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video", "source", "use", "image"}


class Page(HTMLParser):
    """Tags with their attributes, the text, and which elements are left open."""

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
        self.text.append(data)

    def having(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def parse(path):
    """The page, after what holds of every report: well-formed, nothing from elsewhere, no script."""
    content = Path(path).read_text()
    page = Page(content)
    assert page.open == [] and not LOADING & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on") or key == "href"]
        assert attributes.get("src", "data:image/jpeg;").startswith("data:image/jpeg;")
    style = content[content.index("<style>") : content.index("</style>")]
    assert "url(" not in style and "@import" not in style
    return page
