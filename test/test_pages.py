"""What the pages say exists: links, anchors, commands with their options, launch files, topics, parameters and paths.

Whether the commands work is tested elsewhere.
"""

import functools
import os
import re
import shlex
import subprocess

import pytest

from pose_estimation_ros.__main__ import COMMANDS, _parser, options_of
from pose_estimation_ros.inference.options import REPLACED
from pose_estimation_ros.nodes.launching.arguments import (
    demo_arguments,
    pose_arguments,
    replay_arguments,
    webcam_arguments,
)
from pose_estimation_ros.nodes.launching.drivers import OAK, PREFIX, REALSENSE, ZED, driver_arguments
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS, WEB_PARAMETERS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
ROOMS = "core|imaging|inference|importing|messages|nodes|datasets|evaluation|training|cli"
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
PARAMETERS = {"pose_node": POSE_PARAMETERS, "video_node": VIDEO_PARAMETERS, "web_view": WEB_PARAMETERS}
NODES = "pose_estimation_ros.nodes."
EXECUTABLES = set(PARAMETERS) | {"pose"}
POSE = [argument.name for argument in pose_arguments("cpu")] + list(REPLACED)
LAUNCH_ARGUMENTS = {
    "cpu": POSE,
    "orin": POSE,
    "tx2": POSE,
    "multi_camera": POSE,
    "demo": [argument.name for argument in demo_arguments()],
    "webcam": [argument.name for argument in webcam_arguments()],
    "replay": [argument.name for argument in replay_arguments()],
    "realsense": [argument.name for argument in driver_arguments(REALSENSE)] + ["rgb_camera.color_profile"],
    "zed": [argument.name for argument in driver_arguments(ZED)] + ["svo_path"],
    "oak": [argument.name for argument in driver_arguments(OAK)],
}  # the last names are those of the drivers


def tracked(*patterns):
    """List files of the repository, committed or not yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, universal_newlines=True).stdout.split("\n")
    return sorted({path for path in listed if os.path.isfile(os.path.join(ROOT, path))})


PAGES = [path for path in tracked("*.md") if not path.startswith("test/data/")]
pytestmark = pytest.mark.skipif(not PAGES, reason="needs git and the repository")


@functools.lru_cache(maxsize=None)
def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def anchors(text):
    """Return the anchors that GitHub makes of the headings of a page."""
    found = []
    for title in re.findall(r"^#+ +(.*?)\s*$", BLOCK.sub("", text), re.M):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()).replace(" ", "-")
        found.append(words + ("-%d" % found.count(words) if words in found else ""))
    return found


def broken_links(path, text):
    """List the links of a page whose file or heading does not exist; those to other sites are not looked at."""
    broken = []
    for link in LINK.findall(BLOCK.sub("", text)):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        exists = os.path.exists(os.path.join(ROOT, file)) and not file.startswith("..")
        heading = not anchor or (exists and anchor in anchors(text if file == path else read(file)))
        if not (exists and heading):
            broken.append(link)
    return broken


def shell_blocks(text):
    """List the blocks of a page that name no language: commands."""
    return [block for language, block in FENCED.findall(text) if not language]


def codes_in(text):
    """List the code in the text of a page, outside of blocks; it may go on in the next line."""
    paragraphs = re.split(r"\n\s*\n", BLOCK.sub("", text))
    return [" ".join(code.split()) for part in paragraphs for code in re.findall(r"`([^`]+)`", part)]


def commands_in(text, program):
    """List the commands of a program in the blocks of a page, and those in its text, without their comments."""
    blocks = [line for block in shell_blocks(text) for line in block.replace("\\\n", " ").splitlines()]
    texts = codes_in(text)
    before = re.compile(r"^(\w+=\S+ |\.venv/bin/|ros2 run pose_estimation_ros (?=pose ))+")
    plain = [[before.sub("", line.strip()) for line in lines] for lines in (blocks, texts)]
    return tuple([words_of(line) for line in lines if line.startswith(program + " ")] for lines in plain)


def words_of(line):
    """Split a command as a shell does, without what is behind a pipe and the brackets of optional parts."""
    line = re.sub(r" (&|&&|\||;) ?.*$| &$", "", re.sub(r"[\[\]]", " ", line) if "[-" in line else line)
    return shlex.split(line, comments=True)


USER_TEXTS = [
    path
    for path in tracked("README.md", "docs/*.md", "models/*.md", "examples/*", "config/*", "docker/*", "launch/*")
    if not path.endswith((".jpg", ".png"))
]


@pytest.mark.parametrize("path", USER_TEXTS)
def test_users_are_not_sent_to_data_that_they_do_not_have(path):
    assert "../shared" not in read(path) and "shared/data" not in read(path)


def test_user_texts_are_found():
    assert {"README.md", "config/training/toy.yaml", "docs/how-to/get-data.md"} <= set(USER_TEXTS)


def test_links_commands_and_anchors_are_found():
    assert anchors("") == broken_links("README.md", "") == [] and commands_in("", "pose") == ([], [])
    assert anchors("# A `b-c`: d, e\n## A\n```\n# no\n```\n### A\n") == ["a-b-c-d-e", "a", "a-1"]
    page = "pose a\n```\npose b 'c d'  # e\nls\nX=1 pose \\\n  f [-g] &\n```\nand `.venv/bin/pose\nh`"
    assert commands_in(page, "pose") == ([["pose", "b", "c d"], ["pose", "f", "-g"]], [["pose", "h"]])
    links = "[a](README.md) [b](docs/no.md) [c](#here) [d](#there) [e](README.md#no) [f](https://x) ![g [h]](no.jpg)"
    assert broken_links("CONTRIBUTING.md", "# Here\n" + links) == ["docs/no.md", "#there", "README.md#no", "no.jpg"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert broken_links(page, read(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_pose_can_be_parsed(page):
    """Those in blocks are whole; those in the text name options that exist."""
    blocks, texts = commands_in(read(page), "pose")
    for _pose, *words in blocks:
        parser, _command = _parser(words)
        assert parser.parse_args(words).main, words
    for _pose, *words in (words for words in texts if words[1] in COMMANDS or words[1].isalpha()):
        flags = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
        assert flags <= set(options_of(_parser(words)[1])), words


@pytest.mark.parametrize("page", PAGES)
def test_launch_files_and_their_arguments_exist(page):
    for _ros2, _launch, package, file, *arguments in sum(commands_in(read(page), "ros2 launch"), []):
        if package == "pose_estimation_ros" and "<" not in file:
            known = LAUNCH_ARGUMENTS[file.replace(".launch.py", "")]
            names = {argument.split(":=")[0] for argument in arguments if ":=" in argument}
            assert {name for name in names if not name.startswith(PREFIX)} <= set(known), (file, names)


def test_each_launch_file_has_arguments_here():
    assert set(LAUNCH_ARGUMENTS) == {path[len("launch/") : -len(".launch.py")] for path in tracked("launch/*.py")}


@pytest.mark.parametrize("page", PAGES)
def test_nodes_and_their_parameters_exist(page):
    runs = [words[2:] for words in sum(commands_in(read(page), "ros2 run"), [])]
    modules = [words[2:] for words in sum(commands_in(read(page), "python -m"), [])]
    prefix = "pose_estimation_ros.nodes."
    runs += [
        ["pose_estimation_ros", words[0][len(prefix) :]] + words[1:] for words in modules if words[0].startswith(prefix)
    ]
    for package, executable, *words in (words for words in runs if words[:1] == ["pose_estimation_ros"]):
        assert executable in EXECUTABLES | {"demo"}, executable
        names = {value.split(":=")[0] for flag, value in zip(words, words[1:]) if flag == "-p"}
        assert names <= {parameter.name for parameter in PARAMETERS.get(executable, [])}, (package, executable)


@pytest.mark.parametrize("page", PAGES)
def test_arguments_and_parameters_in_the_text_exist(page):
    known = {"align_depth.enable", "detect_evry"}.union(
        *LAUNCH_ARGUMENTS.values()
    )  # the last is an example of a misspelling
    known.update(parameter.name for parameters in PARAMETERS.values() for parameter in parameters)
    codes = [code for code in codes_in(read(page)) if " -r " not in " " + code and not code.startswith("ros2 ")]
    names = {name for code in codes for name in re.findall(r"(?:^|\s)([a-z_][\w.]*):=", code)}
    assert {name for name in names if not name.startswith(PREFIX)} - known == set()


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("models/")])
def test_topics_are_those_of_the_interface(page):
    """A topic that another page names is in a table of docs/reference/ros-interface.md."""
    known = re.findall(r"^\| `(\S+?)`", read("docs/reference/ros-interface.md"), re.M) + [
        "/humans/candidate_matches"
    ]  # of others
    named = [code for code in codes_in(read(page)) if re.fullmatch(r"(?:/humans|pose|/pose)/[\w/<>]+", code)]
    assert {name for name in named if name.lstrip("/") not in {topic.lstrip("/") for topic in known}} == set()


@pytest.mark.parametrize("page", PAGES)
def test_targets_and_paths_exist(page):
    """`make X` is a target, and paths of our folders in backticks exist."""
    targets = set(" ".join(re.findall(r"^(\w[\w -]*):", read("Makefile"), re.M)).split())
    assert set(re.findall(r"(?:^|`)make (\w[\w-]*)(?<!-)(?![\w-])", read(page), re.M)) <= targets
    folders = "pose_estimation_ros|benchmarks|config|docker|docs|examples|launch|msg|test|tools|models"
    paths = re.findall(r"`((?:%s)/[\w./-]*\w)`" % folders, read(page))
    rooms = re.findall(
        r"`((?:core|imaging|inference|importing|messages|nodes|evaluation|training)/[\w./-]*\.py)`", read(page)
    )
    paths += ["pose_estimation_ros/" + path for path in rooms]
    ours = r"(?<![\w/.$-])((?:benchmarks|config|docker|examples|test|tools)/[\w./-]*\w)(?![*{<])"
    paths += [path for block in shell_blocks(read(page)) for path in re.findall(ours, block)]
    assert [path for path in paths if not os.path.exists(os.path.join(ROOT, path))] == []


def interface_types():
    """Return {topic: type} of the tables of docs/reference/ros-interface.md."""
    rows = re.findall(r"^\| `(\S+)` \| [^|]+ \| (\w+)/msg/(\w+)", read("docs/reference/ros-interface.md"), re.M)
    return {topic: "%s/%s" % (package, kind) for topic, package, kind in rows}


def test_topics_of_the_readme_have_the_types_of_the_interface():
    types = interface_types()
    rows = re.findall(r"^\| (`(?:pose|/)\S.*?) \| (.+?) \|", read("README.md"), re.M)
    pairs = {}
    for topics, kinds in rows:
        pairs.update(zip(re.findall(r"`(\S+?)`", topics), kinds.split(", ")))
    del pairs["/humans/bodies/..."]
    assert len(pairs) > 8 and pairs == {topic: types.get(topic) for topic in pairs}


def test_the_page_on_installation_names_the_package_that_each_parameter_needs():
    needed = {p.name: re.findall(r"[Nn]eeds (\w+_\w+)", p.description) for p in POSE_PARAMETERS}
    needed = {name: packages[0].replace("_", "-") for name, packages in needed.items() if packages}
    rows = re.findall(r"^\| (`.*) \| `([\w-]+)`", read("docs/how-to/install.md"), re.M)
    packages = {name: package for names, package in rows for name in re.findall(r"`(\w+)", names)}
    packages["ground_frame"] = packages["position_without_depth"]
    assert len(needed) >= 6 and needed == {name: packages.get(name) for name in needed}
