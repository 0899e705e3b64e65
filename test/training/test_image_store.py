"""data/images.py."""

import io
import tarfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.training.data.images import ImageStore, readable


def test_images_from_folder_and_tar_are_the_same(dots, tmp_path):
    with tarfile.open(tmp_path / "pack_0.tar", "w") as tar:
        for path in sorted((dots / "images").iterdir()):
            info = tarfile.TarInfo("some_folder/" + path.name)
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    folder, packed = ImageStore(dots / "images"), ImageStore(tmp_path / "pack_*.tar")
    np.testing.assert_array_equal(folder.read("3.png"), packed.read("3.png"))
    for store in (folder, packed):
        with pytest.raises(DataError, match="expected an image zzz.png"):
            store.read("zzz.png")


def test_image_faults(tmp_path):
    with pytest.raises(DataError, match="expected an image folder or tar files"):
        ImageStore(tmp_path / "nothing_*.tar")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot decode image broken.jpg"):
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
    return [SimpleNamespace(file_name=name) for name in names]


def test_readable_keeps_all_of_a_good_set(folder, recwarn):
    given = entries("a.png", "b.png", "a.png")
    assert readable(ImageStore(folder), given) == given and not recwarn.list


def test_readable_drops_bad_images_and_says_how_many(folder):
    given = entries("missing.png", "a.png", "broken.jpg", "half.jpg", "b.png", "broken.jpg")
    with pytest.warns(UserWarning, match="3 of 5 images skipped: broken.jpg, half.jpg, missing.png"):
        assert [e.file_name for e in readable(ImageStore(folder), given)] == ["a.png", "b.png"]


def test_nothing_readable_is_an_error(folder):
    with pytest.raises(DataError, match="none of 1 can be read, the first: broken.jpg"):
        readable(ImageStore(folder), entries("broken.jpg", "broken.jpg"))
