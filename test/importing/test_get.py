import hashlib
import io
import json
import os
import shlex
import sys
import types
import zipfile
from typing import NamedTuple

import cv2
import dot_networks
import numpy as np
import pytest
from file_server import Answer

yaml = pytest.importorskip("yaml", reason="reads the catalogue with PyYAML")
from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError  # noqa: E402
from pose_estimation_ros.core.resources import demo_clip  # noqa: E402
from pose_estimation_ros.importing import catalogue, get  # noqa: E402
from pose_estimation_ros.importing.get import ModelGet, get_model  # noqa: E402

NETWORK = b"a network"
RESTRICTIONS = "Ask before you use it in a product."
ENTRY = {
    "name": "net",
    "title": "A net",
    "kind": "pose",
    "skeleton": "coco17",
    "page": "https://x.org/a",
    "licence": "MIT",
    "restrictions": RESTRICTIONS,
    "size_mb": 5,
    "accuracy": {"AP": 50, "of": "COCO val", "source": "A paper", "page": "https://x.org/p"},
    "import": {"like": "hrnet", "skeleton": "coco17"},
    "tried": False,
}


class FakeImport(NamedTuple):
    """Stand for ModelImport."""

    source: str
    out: str
    name: str
    licence: str
    origin: str
    like: str = ""
    skeleton: str = ""
    detector: bool = False
    force: bool = False


@pytest.fixture
def imported(monkeypatch):
    """Put a fake in place of import_model, which copies the file; return the list of (order, files beside)."""
    orders = []

    def fake(order, report):
        with open(order.source, "rb") as file:
            content = file.read()
        if not content.startswith(NETWORK):
            raise ModelError("%s: expected an ONNX file" % order.source)
        orders.append((order, sorted(os.listdir(os.path.dirname(order.source)))))
        path = os.path.join(order.out, order.name + ".onnx")
        with open(path, "wb") as file:
            file.write(b"ours: " + content)
        report("imported")
        return path

    module = types.ModuleType("import_model")
    module.ModelImport, module.import_model = FakeImport, fake
    monkeypatch.setitem(sys.modules, "pose_estimation_ros.importing.import_model", module)
    return orders


@pytest.fixture
def run(run_real, imported):
    """Return run_real with the fake import."""
    return run_real


@pytest.fixture
def run_real(server, tmp_path, monkeypatch):
    """Return a function that gets a model from an entry of a catalogue, and returns its path and what was said."""
    monkeypatch.setitem(catalogue.RULES, "url", catalogue.optional(catalogue.TEXT))  # as the server has no https
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def get_it(fields, **order):
        path = tmp_path / "catalogue.yaml"
        path.write_text(yaml.safe_dump([dict(ENTRY, **fields)]))
        said = get_it.said = run_lines(server)
        return get_model(ModelGet("net", catalogue=str(path), **order), said.append), said

    get_it.folder = tmp_path / "data" / "pose_estimation_ros" / "models"
    return get_it


def run_lines(server):
    """Return a list that notes the number of requests that came before each line."""

    class Lines(list):
        def append(self, line):
            super().append(line)
            self.requests.append(len(server.requests))

    lines = Lines()
    lines.requests = []
    return lines


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def sdk(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


def test_a_file_is_said_downloaded_and_imported(server, run, imported):
    server.answers["/net.onnx"] = Answer(NETWORK)
    path, said = run({"url": server.url + "/net.onnx"})
    assert path == str(run.folder / "net.onnx")
    assert (run.folder / "net.onnx").read_bytes() == b"ours: " + NETWORK
    order, _beside = imported[0]
    assert order._replace(source="") == FakeImport(
        "",
        str(run.folder),
        "net",
        "MIT",
        "%s/net.onnx sha256:%s" % (server.url, sha256(NETWORK)),
        "hrnet",
        "coco17",
    )
    before = [line for line, requests in zip(said, said.requests) if not requests]
    for words in ("net: A net, about 5 MB", "https://x.org/a", "AP 50.0", "MIT", RESTRICTIONS, "never been run"):
        assert any(words in line for line in before), words
    assert said[-2:] == [
        "ros2 launch pose_estimation_ros cpu.launch.py model:=net",
        "pose predict %s --out out --model net" % demo_clip(),
    ]
    record = json.loads((run.folder / ".downloads.json").read_text())[server.url + "/net.onnx"]
    assert record == {
        "sha256": sha256(NETWORK),
        "licence": "MIT",
        "page": "https://x.org/a",
        "model_sha256": sha256(b"ours: " + NETWORK),
    }
    assert os.listdir(str(run.folder / "downloads")) == []


def test_a_zip_keeps_what_lies_beside_the_model(server, run, imported):
    server.answers["/sdk.zip"] = Answer(
        sdk({"m/end2end.onnx": NETWORK, "m/pipeline.json": b"{}", "n/end2end.onnx": b""})
    )
    fields = {"url": server.url + "/sdk.zip", "file": "m/end2end.onnx", "kind": "detector", "skeleton": None}
    _path, said = run(dict(fields, **{"import": {"detector": True}}), save_as="mine")
    assert imported[0][1] == ["end2end.onnx", "pipeline.json"] and imported[0][0].detector
    assert said[-1] == "pose predict %s --out out --detector mine" % demo_clip()


def test_a_download_that_fails_leaves_the_way_by_hand(server, run):
    server.answers["/net.onnx"] = Answer(b"", status=404)
    with pytest.raises(DataError):
        run({"url": server.url + "/net.onnx"}, save_as="mine")
    command = "pose import MODEL.onnx --name mine --like hrnet --skeleton coco17"
    assert run.said[-1] == "to get it by hand: download it from the page above, and then: %s" % command


def test_another_folder_is_part_of_the_usage(server, run, tmp_path):
    server.answers["/net.onnx"] = Answer(NETWORK)
    path, said = run({"url": server.url + "/net.onnx"}, out=str(tmp_path / "my models"))
    assert path == str(tmp_path / "my models" / "net.onnx")
    assert said[-1] == "pose predict %s --out out --model '%s'" % (demo_clip(), path)


def test_the_same_model_is_not_downloaded_again(server, run):
    server.answers["/net.onnx"] = Answer(NETWORK)
    fields = {"url": server.url + "/net.onnx"}
    path, _said = run(fields)
    again, said = run(fields)
    assert again == path and len(server.requests) == 1 and said[-3] == "%s is there already" % path


def test_another_model_of_the_name_is_kept_unless_forced(server, run, imported):
    server.answers["/net.onnx"] = Answer(NETWORK)
    fields = {"url": server.url + "/net.onnx"}
    path, _said = run(fields)
    for content in (b"mine", b""):
        with open(path, "wb") as file:
            file.write(content)
        with pytest.raises(ConfigError, match="net.onnx exists and is another file; --name .* --force replaces it"):
            run(fields)
        assert (run.folder / "net.onnx").read_bytes() == content
    run(fields, force=True)
    assert [order.force for order, _beside in imported] == [False, True]
    assert (run.folder / "net.onnx").read_bytes() == b"ours: " + NETWORK


def test_a_checksum_is_recorded_once_and_then_checked(server, run):
    server.answers["/net.onnx"] = Answer(NETWORK)
    fields = {"url": server.url + "/net.onnx"}
    run(fields)
    server.answers["/net.onnx"] = Answer(NETWORK + b", exchanged")
    with pytest.raises(DataError, match="expected a file with the sha256 %s" % sha256(NETWORK)):
        run(fields, save_as="second")
    run(dict(fields, sha256=sha256(NETWORK + b", exchanged")), save_as="second")  # the catalogue's goes before


def test_the_checksum_of_the_catalogue(server, run):
    server.answers["/net.onnx"] = Answer(NETWORK)
    with pytest.raises(DataError, match="expected a file with the sha256 0{64}"):
        run({"url": server.url + "/net.onnx", "sha256": "0" * 64})
    assert not (run.folder / ".downloads.json").exists()


def test_a_download_is_kept_until_it_is_imported(server, run, monkeypatch):
    server.answers["/net.onnx"] = Answer(NETWORK)
    fields = {"url": server.url + "/net.onnx", "sha256": sha256(NETWORK)}
    module = sys.modules["pose_estimation_ros.importing.import_model"]

    def fails(_order, _report):
        raise ModelError("expected a model")

    with monkeypatch.context() as patch, pytest.raises(ModelError):
        patch.setattr(module, "import_model", fails)
        run(fields)
    assert (run.folder / "downloads" / "net.onnx").read_bytes() == NETWORK
    run(fields)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "name", ["../net", "a/b", "-x", ".hidden", "a b", "n\0", "n\n", "n" * 101, "n.onnx", "n.engine"]
)
def test_names_that_are_refused(run, name):
    with pytest.raises(ConfigError, match="expected a name of letters, digits"):
        run({"url": "http://127.0.0.1:9/net.onnx"}, save_as=name)


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', "{"])
def test_a_damaged_record(server, run, content):
    run.folder.mkdir(parents=True)
    (run.folder / ".downloads.json").write_text(content)
    with pytest.raises(DataError, match="downloads.json: expected a (mapping|JSON file)"):
        run({"url": server.url + "/net.onnx"})


def test_flags_of_the_import_command():
    entry = catalogue.find_entry(catalogue.read_catalogue(), "picodet_s_pedestrian")
    assert get.instructions(entry, "mine")[-1] == (
        "then: pose import picodet_s_320_pedestrian.onnx --name mine --like picodet --detector"
    )


LIGHTS = np.array([[(30, 30), (60, 70), (40, 95)], [(120, 20), (150, 60), (130, 100)]])  # people, red to blue
SIZE_WH = (192, 128)
SDK = {"deploy.json": b"{}", "detail.json": b"{}"}  # files of MMDeploy that say nothing on the network's inputs


def pipeline(module, component):
    """Return the pipeline.json of a network that takes RGB with ImageNet's mean and std."""
    normalise = {"type": "Normalize", "mean": dot_networks.MEAN, "std": dot_networks.STD, "to_rgb": True}
    tasks = [{"module": "Transform", "transforms": [normalise]}, {"module": module, "component": component}]
    return json.dumps({"pipeline": {"tasks": tasks}}).encode()


@pytest.fixture
def picture(tmp_path, blob):
    """Write a picture of two people and return its path."""
    frame = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    for person in LIGHTS:
        for xy, color in zip(person, ((0, 0, 255), (0, 255, 0), (255, 0, 0))):
            blob(frame, xy, color, 3.0)
    cv2.imwrite(str(tmp_path / "lights.png"), frame)
    return str(tmp_path / "lights.png")


@pytest.fixture
def published(server, tmp_path):
    """Return a function that publishes an ONNX file, in the archive of MMDeploy where a pipeline goes with it."""

    def publish(address, write, beside=None, **arguments):
        with open(write(tmp_path / "foreign.onnx", **arguments), "rb") as file:
            content = file.read()
        if beside:
            files = dict(SDK, **{"end2end.onnx": content, "pipeline.json": beside})
            content = sdk({"20230504/net/" + name: value for name, value in files.items()})
        server.answers[address] = Answer(content)
        return server.url + address

    return publish


def use(line, picture, *more):
    """Run a line that `pose get` printed, on a picture, and return the people, (N, 3, 3): x, y, score."""
    from pose_estimation_ros import __main__ as command

    words = shlex.split(line)
    assert words[:2] == ["pose", "predict"] and os.path.exists(words[2])
    assert command.main(["predict", picture] + words[3:] + list(more)) == 0
    with open(os.path.join("out", "keypoints.json")) as file:
        return np.array([np.reshape(person["keypoints"], (-1, 3)) for person in json.load(file)])


def test_what_is_printed_uses_the_model(run_real, published, picture, tmp_path, monkeypatch):
    """Archives as OpenMMLab's, of a pose network and a detector, are imported, and found by their names."""
    monkeypatch.chdir(tmp_path)
    skeleton = tmp_path / "lights.json"
    skeleton.write_text(json.dumps(dot_networks.SKELETON))
    url = published("/pose.zip", dot_networks.write_simcc, pipeline("mmpose", "SimCCLabelDecode"))
    path, said = run_real({"url": url, "import": {"skeleton": str(skeleton)}})
    assert path == str(run_real.folder / "net.onnx") and any("pipeline.json" in line for line in said)
    box = [[*LIGHTS[0].min(0) - 10, *LIGHTS[0].max(0) + 10]]
    told = pipeline("mmdet", "ResizeBBox")
    url = published("/boxes.zip", dot_networks.write_detector, told, boxes_xyxy=box, size_wh=SIZE_WH)
    fields = {"url": url, "kind": "detector", "skeleton": None, "import": {"detector": True}}
    _path, boxes_said = run_real(fields, save_as="boxes")
    assert boxes_said[-1].endswith(" --out out --detector boxes")
    people = use(said[-1], picture, "--detector", "boxes")
    assert people.shape == (1, 3, 3) and np.abs(people[0, :, :2] - LIGHTS[0]).max() < 1.5 and people[..., 2].min() > 0.5


def test_a_plain_file_of_a_network_for_whole_frames(run_real, published, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    skeleton = tmp_path / "lights.json"
    skeleton.write_text(json.dumps(dot_networks.SKELETON))
    url = published("/rtmo.onnx", dot_networks.write_rtmo, size_wh=SIZE_WH)
    options = {"like": "rtmo", "skeleton": str(skeleton)}
    _path, said = run_real({"url": url, "kind": "one_stage", "import": options})
    people = use(said[-1], picture)
    np.testing.assert_allclose(people[people[:, 0, 0].argsort(), :, :2], LIGHTS, atol=0.6)


@pytest.mark.parametrize("package", ["onnx", "yaml"])
def test_a_missing_package_is_one_line(run_real, published, monkeypatch, capsys, package):
    """The catalogue needs PyYAML, the import onnx."""
    from pose_estimation_ros import __main__ as command

    for name in [name for name in sys.modules if name.partition(".")[0] == package or name.endswith(".import_model")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert command.main(["import", "x.onnx"] if package == "onnx" else ["get", "--list"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip install %s" % {"yaml": "pyyaml"}.get(package, package) in error
