"""data/images.py."""

import io
import tarfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.training.data.images import ImageStore, is_named, read_item, readable, warn_of_turned


def test_images_from_folder_and_tar_are_the_same(dots, tmp_path):
    with tarfile.open(tmp_path / "pack_0.tar", "w") as tar:
        for path in sorted((dots / "images").iterdir()):
            info = tarfile.TarInfo("some_folder/" + path.name)
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    folder, packed = ImageStore(dots / "images"), ImageStore(tmp_path / "pack_*.tar")
    np.testing.assert_array_equal(folder.read("3.png"), packed.read("3.png"))
    for store in (folder, packed):
        with pytest.raises(DataError, match="image zzz.png does not exist"):
            store.read("zzz.png")


def tar_of(path, **members):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_images_of_one_name_in_several_folders(tmp_path):
    one, two = (cv2.imencode(".png", np.full((4, 4, 3), value, np.uint8))[1].tobytes() for value in (10, 200))
    tar_of(tmp_path / "a.tar", **{"./pack/day1/1.png": one, "pack/day1/2.png": one})
    tar_of(tmp_path / "b.tar", **{"pack/day2/1.png": two, "pack/day2/2.png": one})
    store = ImageStore(tmp_path / "*.tar")
    assert store.read("day1/1.png").max() == 10 and store.read("pack/day2/1.png").min() == 200
    assert store.read("2.png").max() == 10  # the same image in both
    with pytest.raises(DataError, match="one image 1.png, got 2 different ones, pack/day1/1.png, pack/day2/1.png"):
        store.read("1.png")
    with pytest.raises(DataError, match="image day3/1.png does not exist"):
        store.read("day3/1.png")
    assert sorted(store.names()) == [f"pack/day{day}/{n}.png" for day in (1, 2) for n in (1, 2)]


def test_one_path_with_different_content_is_refused(tmp_path):
    tar_of(tmp_path / "a.tar", **{"1.png": b"a"})
    tar_of(tmp_path / "b.tar", **{"./1.png": b"b"})
    with pytest.raises(DataError, match="b.tar: expected 1.png in one tar file"):
        ImageStore(tmp_path / "*.tar")
    tar_of(tmp_path / "b.tar", **{"./1.png": b"a"})
    assert ImageStore(tmp_path / "*.tar").names() == ["1.png"]


def test_what_is_no_tar_file_is_named(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no tar file")
    with pytest.raises(DataError, match="a.tar: expected a tar file of images, got: "):
        ImageStore(tmp_path / "*.tar")


def test_an_image_of_another_size(folder, capsys):
    sizes = {"a.png": (64, 64), "b.png": (64, 32)}
    store, given = ImageStore(folder), [SimpleNamespace(file_name=n, size=s) for n, s in sizes.items()]
    with pytest.raises(DataError, match="b.png: expected the annotated size 64x32, got 64x64"):
        read_item((SimpleNamespace(annotations="a.json"), store, given[1]))
    assert [e.file_name for e in readable(store, given)] == ["a.png"]
    assert "1 of 2 images skipped: b.png" in capsys.readouterr().err


def test_image_faults(tmp_path):
    with pytest.raises(DataError, match="expected an image folder or tar files at .*nothing_.*.tar, got none"):
        ImageStore(tmp_path / "nothing_*.tar")
    for content in (b"no image", b""):
        (tmp_path / "broken.jpg").write_bytes(content)
        with pytest.raises(DataError, match="broken.jpg: expected an image"):
            ImageStore(tmp_path).read("broken.jpg")


@pytest.fixture
def folder(tmp_path):
    """Two good images, a missing one, one that is no image, and half of a JPEG."""
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    (tmp_path / "half.jpg").write_bytes(cv2.imencode(".jpg", picture)[1].tobytes()[:900])
    return tmp_path


def entries(*names):
    return [SimpleNamespace(file_name=name, size=None) for name in names]


def test_readable_keeps_all_of_a_good_set(folder, capsys):
    given = entries("a.png", "b.png", "a.png")
    assert readable(ImageStore(folder), given) == given and not capsys.readouterr().err


def test_readable_drops_bad_images_and_says_how_many(folder, capsys):
    given = entries("missing.png", "a.png", "broken.jpg", "half.jpg", "b.png", "broken.jpg")
    assert [e.file_name for e in readable(ImageStore(folder), given)] == ["a.png", "b.png"]
    assert "3 of 5 images skipped: broken.jpg, half.jpg, missing.png" in capsys.readouterr().err


def test_nothing_readable_is_an_error(folder):
    with pytest.raises(DataError, match="got 1 of which none can be used, the first: .*broken.jpg"):
        readable(ImageStore(folder), entries("broken.jpg", "broken.jpg"))


def test_images_that_exif_turns_without_another_size_bring_a_warning(tmp_path, capsys):
    """A missing image is no matter here: it is named when it is read."""
    for name, orientation in (("a.jpg", 1), ("b.jpg", 3)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (40, 30)).save(tmp_path / name, exif=exif)
    entries = [SimpleNamespace(file_name=name, size=(40, 30)) for name in ("a.jpg", "b.jpg", "none.jpg")]
    warn_of_turned(ImageStore(tmp_path), [])
    assert capsys.readouterr().err == ""
    warn_of_turned(ImageStore(tmp_path), entries)
    error = capsys.readouterr().err
    assert "1 of 2 images have an EXIF orientation" in error and "b.jpg with orientation 3" in error


@pytest.mark.parametrize(
    "names, taken",
    [
        ("*", ["1.jpg", "20.jpg", "a/30.JPG", "!1.jpg"]),
        ("!*", []),
        ("*0.jpg", ["20.jpg"]),
        ("!*0.jpg", ["1.jpg", "a/30.JPG", "!1.jpg"]),
        ("![!2]*", ["20.jpg"]),
        ("?1.jpg", ["!1.jpg"]),
    ],
)
def test_names_take_a_part_of_a_source_and_with_a_bang_the_rest(names, taken):
    assert [name for name in ("1.jpg", "20.jpg", "a/30.JPG", "!1.jpg") if is_named(name, names)] == taken
