"""The bare HTML of a report: one page without scripts and without anything from elsewhere; every text is escaped."""

from __future__ import annotations

import html
from string import Template
from typing import Any, Iterable, Sequence


class Html(str):
    """Text that is markup already; all other values are escaped when they come into a page."""


def markup(value: Any) -> Html:
    """A value as HTML: numbers to one digit after the point, NaN and None as a dash, all else escaped."""
    if isinstance(value, Html):
        return value
    if value is None or isinstance(value, float) and value != value:
        return Html("–")
    return Html(html.escape(f"{value:.1f}" if isinstance(value, float) else str(value)))


def soft(value: Any) -> Html:
    """The same with places where a line may break: names of files have none."""
    return value if isinstance(value, Html) else Html(markup(value).replace("_", "_<wbr>"))


def titled(title: str, name: str) -> Html:
    """The heading of a column: what it is, and of whom below."""
    return Html(f"{soft(title)}<br>{soft(name)}")


def join(*parts: Html) -> Html:
    return Html("\n".join(parts))


def element(tag: str, *content: Any, **attributes: Any) -> Html:
    """<tag attribute="value">content</tag>; class_ is class, aria_label aria-label."""
    names = (key.rstrip("_").replace("_", "-") for key in attributes)
    named = "".join(f' {key}="{html.escape(str(value))}"' for key, value in zip(names, attributes.values()))
    inside = "".join(map(markup, content))
    return Html(f"<{tag}{named}>" if tag == "img" else f"<{tag}{named}>{inside}</{tag}>")


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], wide: bool = False) -> Html:
    """A table whose first column names the rows; it scrolls by itself where a phone is too narrow for it.

    wide: it takes all the room there is, for bars.
    """
    top = element("tr", *(element("th", soft(cell)) for cell in head))
    body = [element("tr", element("th", soft(row[0])), *(element("td", cell) for cell in row[1:])) for row in rows]
    own = element("table", element("thead", top), element("tbody", *body), class_="wide" if wide else "")
    return element("div", own, class_="scroll")


def section(title: str, *content: Any) -> Html:
    return element("section", element("h2", title), *content)


def note(*content: Any) -> Html:
    return element("p", *content, class_="note")


def page(title: str, *content: Html) -> str:
    """The whole document."""
    return PAGE.substitute(title=markup(title), style=STYLE, body="\n".join(content))


PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: #fff; color: #1c2733;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-top: 2px solid #1c2733; padding-top: .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
.note { color: #51606f; font-size: .875rem; max-width: 46rem; }
.lead { font-size: 1.1rem; margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .3rem .7rem .3rem 0; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child { text-align: left; font-weight: 600; white-space: normal; min-width: 6rem; }
thead th { border-bottom: 1px solid #1c2733; font-weight: 600; vertical-align: bottom; white-space: normal; }
table.wide { width: 100%; max-width: 44rem; }
table.wide th:first-child { min-width: 4.5rem; width: 7.5rem; }
tbody tr + tr > * { border-top: 1px solid #e4e8ec; }
.facts { margin-bottom: 1rem; }
.facts td, .facts thead th { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
.facts th:first-child { font-weight: 400; color: #51606f; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 1rem 2rem; }
figure { margin: 0; max-width: 30rem; break-inside: avoid; }
figcaption { font-weight: 600; font-size: .875rem; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; list-style: none; margin: .2rem 0; padding: 0;
  font-size: .8125rem; }
.legend svg { display: inline-block; width: 1.6rem; height: .7rem; margin-right: .35rem; vertical-align: baseline; }
.bar { display: flex; align-items: center; gap: .5rem; min-width: 6.5rem; }
.bar > span { flex: 1; height: .7rem; background: #eef1f4; }
.bar > span > i { display: block; height: 100%; }
.bar > b { font-weight: 400; min-width: 2.4rem; text-align: right; }
.stack { display: flex; width: 100%; min-width: 10rem; height: 1.25rem; font-size: .6875rem; line-height: 1.25rem; }
.stack > i { font-style: normal; text-align: center; overflow: hidden; color: #1c2733; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr)); gap: .5rem; }
.pictures img { display: block; width: 100%; height: auto; border: 1px solid #d4dae0; box-sizing: border-box; }
.pictures figcaption { font-weight: 400; font-size: .8125rem; }
.timeline { max-width: none; margin-bottom: .8rem; }
.timeline svg { min-width: 40rem; }
.recording { font-size: 1.4rem; border-top-width: 4px; margin-top: 3rem; }
summary { cursor: pointer; font-weight: 600; font-size: .875rem; }
@media (max-width: 34rem) { table { font-size: .8125rem; } th, td { padding-right: .45rem; }
  th:first-child { min-width: 5rem; } }
@media print { body { max-width: none; font-size: 11px; } section { break-inside: auto; }
  tr, .pictures { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""
