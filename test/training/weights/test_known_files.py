"""Known files are found by their checksums, and a name's digits are compared with the content."""

import hashlib

import pytest

from pose_estimation_ros.training.weights.known_files import KNOWN_FILES, checksums, in_name, origin

NOTHING = ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", hashlib.sha384(b"").hexdigest())


def test_checksums(tmp_path):
    file = tmp_path / "a.pth"
    file.write_bytes(b"")
    assert checksums(file) == NOTHING
    file.write_bytes(b"ab" * 2**20)  # more than is read at once
    assert checksums(file) == tuple(getattr(hashlib, kind)(b"ab" * 2**20).hexdigest() for kind in ("sha256", "sha384"))


@pytest.mark.parametrize("name, sums, said", [
    ("a.pth", NOTHING, "not a known file"),
    ("a-e3b0c442.pth", NOTHING, "not a known file"),
    ("a-e3b0c443.pth", NOTHING, "not a known file, and not the one that the digits e3b0c443 of its name stand for"),
    ("a.pth", ("0676ba61" + "0" * 56, ""), "resnet50-0676ba61.pth, ResNet-50, ImageNet, as stated in torchvision"),
    ("a-00000000.pth", ("36af842e" + "0" * 56, ""), "hrnet_w32-36af842e.pth, HRNet-W32, ImageNet, as stated in README"),
    ("a.pth", ("0" * 64, KNOWN_FILES[0].digits), "pose_higher_hrnet_w32_512.pth, HigherHRNet-W32, COCO"),
])  # fmt: skip
def test_what_is_said_of_a_file(name, sums, said):
    assert origin(name, sums).startswith(said)


def test_all_known_files_have_digits_of_their_own():
    digits = [known.digits or in_name(known.name) for known in KNOWN_FILES]
    assert len(set(digits)) == len(digits) and min(map(len, digits)) == 8


def test_the_page_has_all_known_files(repository):
    page = (repository / "docs" / "how-to" / "published-weights.md").read_text()
    assert [known.name for known in KNOWN_FILES if f"`{known.name}`" not in page] == []
