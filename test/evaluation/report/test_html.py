"""HTML of a report: what is escaped, what is not, and how values are written."""

import pytest

from pose_estimation_ros.evaluation.report.html import Html, element, markup, page, soft, table, titled


@pytest.mark.parametrize(
    "value, expected",
    [
        ("", ""),
        ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#x27;"),
        (Html("<b>a</b>"), "<b>a</b>"),
        (None, "–"),
        (float("nan"), "–"),
        (12.345, "12.3"),
        (3, "3"),
    ],
)
def test_markup(value, expected):
    result = markup(value)
    assert result == expected and isinstance(result, Html)


def test_element_and_its_attributes():
    assert (
        element("p", "a<", Html("<i>"), class_='x"', aria_label="y") == '<p class="x&quot;" aria-label="y">a&lt;<i></p>'
    )
    assert element("img", src="data:") == '<img src="data:">'


def test_names_may_break_at_underscores():
    assert soft("a_b<") == "a_<wbr>b&lt;" and titled("AR", "a_b") == "AR<br>a_<wbr>b"


def test_table():
    result = table(("", "AP"), [("a", 1.25), ("b", None)])
    assert "<tr><th>a</th><td>1.2</td></tr><tr><th>b</th><td>–</td></tr>" in result


def test_page_escapes_its_title():
    assert "<title>&lt;a&gt; $b</title>" in page("<a> $b", Html("<p>$c</p>"))
