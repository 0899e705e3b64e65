"""The report as a reader's browser gets it: parsed, with its figures looked up."""

import json

import cv2
import numpy as np
import pytest
from html_pages import parse

from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.evaluation.metrics.coco import keypoint_ap
from pose_estimation_ros.evaluation.metrics.pckh import pckh_figures
from pose_estimation_ros.evaluation.report.papers import rows_of_skeleton
from pose_estimation_ros.evaluation.report.summary import Source
from pose_estimation_ros.evaluation.report.write import write_report

HOSTILE = "<script src=http://a.b/c>\"&'x"


@pytest.fixture
def image(folder):
    """The folder's first image is at hand, the second is not."""
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images" / "1.png"), np.full((200, 200, 3), 90, np.uint8))
    return folder


@pytest.fixture
def report(image, tmp_path):
    """A function: results of each source by name -> the parsed page on the folder of two images."""

    def make(results, training=None, draws=20):
        benchmark = open_benchmark(image)
        file = tmp_path / "results.json"
        file.write_text("[]")
        sources = [
            Source(
                name, "model", file, {"boxes": HOSTILE, **keypoint_ap(benchmark.truth, own)}, own, training or {}, "5a"
            )
            for name, own in results.items()
        ]
        return parse(write_report(tmp_path / "out", benchmark, sources, draws))

    return make


def cells_after(page, *words):
    """The text of a table row whose first cell is these words (names may be broken at _)."""
    name = "".join(words)
    for start in range(len(page.text)):
        for end in range(start + 1, start + 12):
            if "".join(page.text[start:end]) == name:
                return page.text[end : end + 8]
    raise AssertionError(f"no row {name}")


def test_figures_and_the_papers_row_stand_in_the_page(report, content, as_results):
    page = report({"tiny": as_results(content["annotations"][:1])}, {"model": "elpn_v1", "data": ["a", "b"]})
    ap = 100 * 34 / 101
    text = "".join(page.text)
    assert f"tiny: AP {ap:.1f} (95 % interval" in text
    row = "printed: ELPN-V1 (HRNet-W16) 256x192, pretrain N, COCO val2017"
    assert cells_after(page, row)[:6] == ["70.5", "89.3", "78.0", "67.6", "76.2", "75.7"]
    assert "all 5000 images of COCO val2017" in text and "measured here are from 2 images" in text
    assert "a, b" in text and "pycocotools 2" in text and "Differences" not in text
    assert cells_after(page, "sha256")[0] == "5a"
    assert cells_after(page, "% of keypoints")[:5] == ["good", "jitter", "inversion", "swap", "miss"]
    assert len(page.having("polyline")) == 3 + 4 and len(page.having("img")) == 2 * 2


def test_no_papers_row_where_none_fits(report, content, as_results):
    page = report({"a": as_results(content["annotations"][:1])}, {"model": "mine"})
    assert not [text for text in page.text if text.startswith(("printed:", "The printed rows are"))]


def test_all_printed_rows_with_the_own_figure_among_them(report, content, as_results):
    page = report({"mine": as_results(content["annotations"][:1])})
    row = cells_after(page, "measured here: mine")
    ap = f"{100 * 34 / 101:.1f}"
    assert row[:4] == ["–", "–", "–", ap]
    assert cells_after(page, "ELPN-V1 (HRNet-W16) 256x192")[:4] == ["COCO test-dev2017", "1.1M", "1.2G", "70.2"]
    places = [place for place, text in enumerate(page.text) if text.startswith("COCO ") and len(text) < 20]
    shown = [float(page.text[place + 3]) for place in places]
    assert len(shown) == len(rows_of_skeleton("coco17")) > 80 and shown == sorted(shown, reverse=True)
    assert f"All {len(shown)} printed rows with the figures measured here among them" in page.text
    assert [tag["class"] for tag in page.having("tr") if "class" in tag] == ["marked"]


def test_two_sources(report, content, as_results):
    persons = content["annotations"][:3]
    page = report({"worse": as_results(persons[:1]), "better": as_results(persons)})
    row = cells_after(page, "better minus worse")
    assert row[0] == f"{100 - 100 * 34 / 101:+.1f}" and row[2] in ("0 lies outside", "0 lies within")
    assert len(page.having("polyline")) == 6 + 6 and len(page.having("img")) == 2 * 3


def test_equal_sources_do_not_differ(report, content, as_results):
    own = as_results(content["annotations"][:1])
    assert cells_after(report({"a": own, "b": own}), "b minus a")[:3] == ["+0.0", "+0.0 to +0.0", "0 lies within"]


@pytest.mark.parametrize("count", [0, 1])
def test_few_predictions(report, content, as_results, count):
    page = report({"a": as_results(content["annotations"][:count])})
    assert cells_after(page, "all")[0] == "51"  # labelled keypoints of three people
    assert f"{count} of 3" in page.text


def test_what_comes_from_files_is_escaped(report, content, as_results):
    page = report({HOSTILE: as_results(content["annotations"][:1])}, {"model": HOSTILE, "data": [HOSTILE]})
    assert "".join(page.text).count(HOSTILE) >= 5, "it is shown as it is"


def test_one_image_without_its_file(tmp_path, content, as_results):
    content["images"], content["annotations"] = content["images"][1:], content["annotations"][2:]
    (tmp_path / "person_keypoints.json").write_text(json.dumps(content))
    benchmark = open_benchmark(tmp_path)
    results = as_results(content["annotations"][:1])
    source = Source(
        "a", "predictions", tmp_path / "person_keypoints.json", keypoint_ap(benchmark.truth, results), results, {}, "5a"
    )
    page = parse(write_report(tmp_path / "out", benchmark, [source], 5))
    assert f"a: AP {100:.1f} (95 % interval 100.0 to 100.0)" in "".join(page.text)
    assert len(page.having("img")) == 2


def test_mpii(tmp_path):
    """Three people in two images, the third a head's size off."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(50, 150, (3, 16, 2)).round()
    fields = {"center": [101, 101], "scale": 1.0, "joints_vis": [1] * 16}
    entries = [{"image": name, "joints": xy.tolist(), **fields} for name, xy in zip("aab", joints)]
    (tmp_path / "mpii.json").write_text(json.dumps(entries))
    benchmark = open_benchmark(tmp_path / "mpii.json")
    xy = joints - 1 + np.array([0, 0, 1])[:, None, None] * [mpii.HEAD, 0]
    sources = [
        Source(name, "predictions", tmp_path / "mpii.json", pckh_figures(own, benchmark.truth), own, training, "5a")
        for name, own, training in (("a", xy, {"model": "el_hrnet_w32"}), ("b", joints - 1, {}))
    ]
    page = parse(write_report(tmp_path / "out", benchmark, sources, 20))
    assert cells_after(page, "printed: EL-HRNet-W32 256x256, MPII val")[7] == "87.7"
    assert cells_after(page, "left ankle")[:4] == ["3", "66.7", "66.7", "0.00"]
    assert cells_after(page, "b minus a")[0] == "+33.3"
    assert len(page.having("polyline")) == 2 and len(page.having("img")) == 2 * 3
