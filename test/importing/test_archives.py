import io
import os
import stat
import struct
import zipfile

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.importing import archives
from pose_estimation_ros.importing.archives import take_model

SDK = {
    "20230831/m/end2end.onnx": b"network",
    "20230831/m/pipeline.json": b"{}",
    "20230831/m/sub/other.json": b"deeper",
    "20230831/readme.txt": b"above",
    "20230831/": b"",
}


def packed(files, compression=zipfile.ZIP_DEFLATED):
    """Return a zip file as bytes; keys of files are names or ZipInfo."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.fixture
def take(tmp_path):
    """Return a function that takes a model out of bytes, and returns its name and the files with their content."""

    def run(content, member=None):
        archive, folder = tmp_path / "m.zip", tmp_path / "out"
        archive.write_bytes(content)
        folder.mkdir()
        model = take_model(str(archive), str(folder), member)
        assert os.path.dirname(model) == str(folder)
        return os.path.basename(model), {path.name: path.read_bytes() for path in folder.iterdir()}

    run.folder = tmp_path / "out"
    return run


BESIDE = {"end2end.onnx": b"network", "pipeline.json": b"{}"}


@pytest.mark.parametrize(
    "content, member, expected",
    [
        (packed({"a.onnx": b"x"}), None, ("a.onnx", {"a.onnx": b"x"})),
        (packed({"A.ONNX": b"x", "weights.bin": b"w"}), None, ("A.ONNX", {"A.ONNX": b"x", "weights.bin": b"w"})),
        (packed(SDK), None, ("end2end.onnx", BESIDE)),
        (packed(SDK, zipfile.ZIP_STORED), "m/end2end.onnx", ("end2end.onnx", BESIDE)),
        (packed({"sdk.zip": packed(SDK), "note": b""}), None, ("end2end.onnx", BESIDE)),
        (packed({"empty.zip": packed({}), "x/sdk.ZIP": packed(SDK)}), None, ("end2end.onnx", BESIDE)),
        (
            packed(dict(SDK, **{"n/end2end.onnx": b"other"})),
            "n/end2end.onnx",
            ("end2end.onnx", {"end2end.onnx": b"other"}),
        ),
    ],
)
def test_the_model_and_what_lies_beside_it(take, content, member, expected):
    assert take(content, member) == expected


@pytest.mark.parametrize(
    "content, member, words",
    [
        (b"", None, "expected a zip file with a model, got: File is not a zip file"),
        (packed({}), None, "expected one ONNX file, got none"),
        (packed(SDK)[:-30], None, "expected a zip file"),
        (packed({"a.onnx": b"network" * 9}, zipfile.ZIP_STORED).replace(b"network", b"damaged", 1), None, "Bad CRC-32"),
        (packed({"a.onnx": b"", "b.onnx": b""}), None, "expected one ONNX file, got a.onnx, b.onnx"),
        (packed({"%d.onnx" % i: b"" for i in range(7)}), None, "got 0.onnx, 1.onnx, .* and 2 more"),
        (packed({"a.onnx": b"", "xb.onnx": b""}), "b.onnx", "expected one b.onnx, got none"),
        (packed({"a.zip": packed(SDK), "b.zip": packed(SDK)}), None, "expected one ONNX file, got 2023"),
        (packed({"a.zip": packed({"b.zip": packed(SDK)})}), None, "expected one ONNX file, got none"),  # one level only
        (packed({"a.zip": b"no zip"}), None, "File is not a zip file"),
        (packed({"../a.onnx": b""}), None, "a path that leaves it: '../a.onnx'"),
        (packed({"x/../../a.onnx": b""}), None, "a path that leaves it"),
        (packed({"/tmp/a.onnx": b""}), None, "a path that leaves it"),
        (packed({"..\\a.onnx": b""}), None, "a path that leaves it"),
        (packed({"C:\\a.onnx": b""}), None, "a path that leaves it"),
        (packed({"a.onnx": b"", "../evil": b""}), None, "a path that leaves it"),
        (packed({"a.zip": packed({"../a.onnx": b""})}), None, "a path that leaves it"),
        (packed({link("a.onnx"): b"/etc/passwd"}), None, "a link or device: 'a.onnx'"),
    ],
)
def test_refused(take, content, member, words):
    with pytest.raises(DataError, match=words) as caught:
        take(content, member)
    assert "\n" not in str(caught.value)


def test_nothing_is_written_outside_of_the_folder(take, tmp_path):
    with pytest.raises(DataError):
        take(packed({"a.onnx": b"", "x/../../evil": b""}))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["m.zip", "out"]


@pytest.mark.parametrize("zeros, fits", [(9999, True), (100000, False)])
@pytest.mark.parametrize("inside", [False, True])
def test_a_bomb(take, monkeypatch, zeros, fits, inside):
    """Deflate makes about 1/1000 of zeros; small files may be packed as well as they can."""
    monkeypatch.setattr(archives, "HARMLESS", 10000)
    content = packed({"a.onnx": bytes(zeros)})
    content = packed({"a.zip": content}, zipfile.ZIP_STORED) if inside else content
    if fits:
        assert take(content)[1] == {"a.onnx": bytes(zeros)}
        return
    with pytest.raises(DataError, match="expected a model, got 'a.onnx', which grows to 100000 bytes from"):
        take(content)


@pytest.mark.parametrize("limit, value", [("MOST_FILES", 2), ("MOST_BYTES", 8)])
def test_limits(take, monkeypatch, limit, value):
    monkeypatch.setattr(archives, limit, value)
    with pytest.raises(DataError, match="expected at most %d" % value):
        take(packed(SDK))


def test_an_encrypted_file(take):
    content = bytearray(packed({"a.onnx": b"secret"}))
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flags in both headers of the file
        at = content.index(mark) + offset
        content[at : at + 2] = struct.pack("<H", 1)
    with pytest.raises(DataError, match="an encrypted file: 'a.onnx'"):
        take(bytes(content))


def test_a_size_that_is_told_too_small_is_found_out(take):
    content = bytearray(packed({"a.onnx": b"x" * 1000}))
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = content.index(mark) + offset
        content[at : at + 4] = struct.pack("<I", 10)
    with pytest.raises(DataError, match="Bad CRC-32"):
        take(bytes(content))
    assert all(path.stat().st_size <= 10 for path in take.folder.iterdir())


def test_a_missing_archive(tmp_path):
    with pytest.raises(DataError, match="no.zip: cannot take the model out: No such file"):
        take_model(str(tmp_path / "no.zip"), str(tmp_path))
