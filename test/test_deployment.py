"""Check the files of docker/, .devcontainer and .github against the package that they build, and run linters on them.

No image is built here, and no workflow runs.
"""

import ast
import fnmatch
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

import pose_estimation_ros
from pose_estimation_ros.nodes.launching.arguments import pose_arguments

yaml = pytest.importorskip("yaml")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCKERFILES = ["docker/Dockerfile", "docker/jetson.Dockerfile"]
WORKFLOWS = sorted(
    os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml"))
)
INSTRUCTIONS = set("ARG CMD COPY ENTRYPOINT ENV FROM LABEL RUN SHELL USER WORKDIR".split())
SCHEMAS = [
    (".github/dependabot.yml", "dependabot"),
    (".github/ISSUE_TEMPLATE/bug.yml", "github-issue-forms"),
    (".github/ISSUE_TEMPLATE/config.yml", "github-issue-config"),
    (".github/ISSUE_TEMPLATE/feature.yml", "github-issue-forms"),
    ("CITATION.cff", "citation-file-format"),
    ("docker/compose.yaml", "compose-spec"),
] + [(path, "github-workflows") for path in WORKFLOWS]


def read(*path):
    with open(os.path.join(ROOT, *path)) as file:
        return file.read()


def constant(path, name):
    """Return the value that a Python file assigns to a name, or to one of several names at once."""
    for node in ast.parse(read(path)).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Tuple) and name in [element.id for element in target.elts]:
            return ast.literal_eval(node.value)[[element.id for element in target.elts].index(name)]
        if isinstance(target, ast.Name) and target.id == name:
            return ast.literal_eval(node.value)
    raise AssertionError("%s has no %s" % (path, name))


def pin(name):
    """Return the version of a package in constraints.txt that has one version."""
    (version,) = re.findall(r"^%s==([\w.]+)$" % re.escape(name), read("constraints.txt"), re.M)
    return version


def instructions(text):
    """Return [(instruction, arguments)] of a Dockerfile; lines that end in a backslash are joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in joined.splitlines()]


def ignored(path, rules):
    """Tell whether .dockerignore leaves a path out: the last rule that fits it, or a folder above it, decides."""
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    result = False
    for rule in rules:
        pattern = rule.lstrip("!").replace("**/", "*")
        if any(fnmatch.fnmatchcase(name, pattern) and name.count("/") >= pattern.count("/") for name in above):
            result = not rule.startswith("!")
    return result


def ignore_rules():
    return [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]


def compose():
    return yaml.safe_load(read("docker", "compose.yaml"))


def default_values(text):
    """Replace ${NAME:-value} by the value."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def steps(path):
    """Return the steps of all jobs of a workflow."""
    return [step for job in yaml.safe_load(read(path))["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("# no", []),
        ("FROM a AS b", [("FROM", "a AS b")]),
        ("RUN a \\\n# why\n  && b", [("RUN", "a    && b")]),
    ],
)
def test_instructions_of_a_dockerfile(text, expected):
    assert instructions(text) == expected


@pytest.mark.parametrize(
    "rules, path, expected",
    [
        ([], "a", False),
        (["a"], "a", True),
        (["a"], "a/b/c", True),
        (["a"], "b/a", False),
        (["**/*.pyc"], "b/c.pyc", True),
        ([".*"], ".git", True),
        (["test/*", "!test/data"], "test/data/x", False),
        (["test/*", "!test/data"], "test/core/x", True),
    ],
)
def test_rules_of_dockerignore(rules, path, expected):
    assert ignored(path, rules) is expected


@pytest.mark.parametrize("path", DOCKERFILES)
def test_a_dockerfile_copies_what_exists_and_ends_as_a_user_without_rights(path):
    parsed = instructions(read(path))
    assert {name for name, _arguments in parsed} <= INSTRUCTIONS
    stages = {arguments.split()[-1] for name, arguments in parsed if name == "FROM" and " AS " in arguments}
    copies = [arguments.split() for name, arguments in parsed if name == "COPY"]
    assert copies
    for *sources, _target in copies:
        if sources[0].startswith("--from="):
            assert sources[0][len("--from=") :] in stages
        else:
            assert [name for name in sources if not os.path.exists(os.path.join(ROOT, name))] == []
            assert [name for name in sources if name != "." and ignored(name, ignore_rules())] == []
    assert [arguments for name, arguments in parsed if name == "USER"] == ["pose"]
    entry_point = [json.loads(arguments) for name, arguments in parsed if name == "ENTRYPOINT"]
    assert entry_point == [["entrypoint.sh"]] and os.access(os.path.join(ROOT, "docker", "entrypoint.sh"), os.X_OK)
    (command,) = [json.loads(arguments) for name, arguments in parsed if name == "CMD"]
    assert command[:3] == ["ros2", "launch", "pose_estimation_ros"]
    assert os.path.isfile(os.path.join(ROOT, "launch", command[3]))


def test_images_are_built_from_all_that_cmake_installs_and_from_no_more():
    """Folders and files that CMakeLists.txt names reach the build."""
    text = read("CMakeLists.txt").replace("${PROJECT_NAME}", "pose_estimation_ros").split("if(BUILD_TESTING)")[0]
    needed = {"CMakeLists.txt", "package.xml"} | set(re.findall(r"\b(?:msg|tools/environment)/[\w.]+", text))
    for group in re.findall(r"install\(DIRECTORY ([\w/ ]+?)(?:\n| DESTINATION)", text):
        needed |= {name.rstrip("/") for name in group.split()}
    assert {"pose_estimation_ros", "launch", "models", "test/data", "tools/environment/pose.in"} <= needed
    assert [name for name in needed if not os.path.exists(os.path.join(ROOT, name))] == []
    assert [name for name in needed if ignored(name, ignore_rules())] == []
    large = [".git/HEAD", ".venv/bin/python", "build/x", "install/x", "out/demo.mp4", "runs/x", "test/core/test_x.py"]
    assert [name for name in large if not ignored(name, ignore_rules())] == []


def test_ros_packages_of_the_images_are_optional_packages_of_package_xml():
    comment = read("package.xml").split("<!-- Optional packages")[1].split("-->")[0]
    names = " ".join(line.split(":")[0] for line in comment.splitlines()[1:])
    known = {name.replace("_", "-") for name in re.findall(r"\w+", names)}
    (default,) = re.findall(r'^ARG ROS_PACKAGES="(.*)"$', read("docker", "Dockerfile"), re.M)
    assert default.split() and set(default.split()) <= known
    for service in compose()["services"].values():
        names = service.get("build", {}).get("args", {}).get("ROS_PACKAGES", default).split()
        assert set(default.split()) <= set(names) <= known


def test_pip_installs_pinned_packages_in_the_images():
    lines = read("constraints.txt").splitlines()
    (names,) = re.findall(r"-c /tmp/constraints.txt (.*) *$", read("docker", "jetson.Dockerfile"), re.M)
    for python in ('< "3.7"', '== "3.8"'):
        pinned = {line.split("==")[0] for line in lines if line.endswith("; python_version " + python)}
        assert set(names.split()) <= pinned
    assert "grep '^onnxruntime=='" in read("docker", "Dockerfile")
    assert [line for line in lines if line.startswith("onnxruntime==") and line.endswith('python_version >= "3.14"')]


def test_images_of_jetsons_are_those_of_the_page():
    text, page = read("docker", "jetson.Dockerfile"), read("docs", "how-to", "run-on-a-jetson.md")
    tags = re.findall(r"L4T=(r[\d.]+)", text)
    assert len(set(tags)) == 2 and all("dustynv/ros:humble-ros-base-l4t-" + tag in page for tag in tags)


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_a_service_shares_network_and_memory_and_starts_what_exists(name):
    service = compose()["services"][name]
    shared = {"network_mode": "host", "ipc": "host", "restart": "unless-stopped", "init": True}
    assert {key: service.get(key) for key in shared} == shared and service["profiles"] == [name]
    assert "ROS_DOMAIN_ID" in service["environment"]
    folder = "/home/pose/.cache/pose_estimation_ros"
    assert "cache:" + folder in service["volumes"] and all(folder in read(path) for path in DOCKERFILES)
    words = default_values(service["command"]).split()
    assert words[0] == "ros2" and words[2] == "pose_estimation_ros"
    if words[1] == "launch":
        assert os.path.isfile(os.path.join(ROOT, "launch", words[3])) and words[-1] == "respawn:=true"
    else:
        executables = re.findall(r"foreach\(executable ([\w ]+)\)", read("CMakeLists.txt"))[0]
        assert words[1] == "run" and words[3] in executables.split()
    known = {argument.name for argument in pose_arguments("cpu")}
    assert all(re.match(r"\w+:=\S+$", word) and word.split(":=")[0] in known for word in words[4:])
    for argument in service.get("build", {}).get("args", {}):
        assert re.search(r"^ARG %s\b" % argument, read(service["build"]["dockerfile"]), re.M)


def test_the_devcontainer_builds_a_stage_that_exists():
    settings = json.loads(read(".devcontainer", "devcontainer.json"))
    path = os.path.normpath(os.path.join(".devcontainer", settings["build"]["dockerfile"]))
    assert re.search(r" AS %s$" % settings["build"]["target"], read(path), re.M)
    assert "--ipc=host" in settings["runArgs"]


def test_the_entry_point_reads_the_setup_of_ros_and_keeps_words_and_exit_status(tmp_path):
    (tmp_path / "install").mkdir()
    (tmp_path / "install" / "setup.bash").write_text("export GREETING=$UNSET_VARIABLE'it is set'\n")
    environment = dict(os.environ, ROS_DISTRO="none", ROS_ROOT=str(tmp_path))
    run = [os.path.join(ROOT, "docker", "entrypoint.sh"), "sh", "-c", 'echo "$GREETING $1"; exit 3', "x", "two  words"]
    done = subprocess.run(run, env=environment, stdout=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stdout) == (3, "it is set two  words\n")


@pytest.mark.parametrize("path", WORKFLOWS)
def test_a_workflow_may_only_read_and_uses_pinned_actions_of_github(path):
    workflow = yaml.safe_load(read(path))
    assert workflow["permissions"] == {"contents": "read"} and workflow["concurrency"]["cancel-in-progress"] is True
    assert set(workflow[True]) == {"push", "pull_request", "schedule", "workflow_dispatch"}  # YAML reads `on` as true
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used and all(re.match(r"actions/[\w-]+@v\d+$", name) for name in used)
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS + [".pre-commit-config.yaml", ".devcontainer/devcontainer.json"])
def test_targets_and_paths_of_workflows_exist(path):
    text = read(path)
    targets = set(" ".join(re.findall(r"^(\w[\w -]*):", read("Makefile"), re.M)).split())
    named = " ".join(re.findall(r"(?:run: |\")make ((?:[a-z][\w-]*\b ?)+)", text)).split()
    assert set(named) <= targets
    paths = re.findall(r"(?:^|[\s./])((?:docker|tools|launch|test|pose_estimation_ros/\w+)/[\w./-]*\w)", text, re.M)
    assert [name for name in paths if not os.path.exists(os.path.join(ROOT, name)) and "/msg/" not in name] == []
    launched = re.findall(r"(\w+\.launch\.py)", text)
    assert [name for name in launched if not os.path.isfile(os.path.join(ROOT, "launch", name))] == []


def test_pythons_and_distributions_agree():
    oldest = constant("tools/environment/setup_venv.py", "OLDEST_PYTHON")
    newest = constant("tools/environment/setup_venv.py", "NEWEST_PYTHON")
    pythons = ["3.%d" % minor for minor in range(oldest[1], newest[1] + 1)]
    jobs = yaml.safe_load(read(".github", "workflows", "tests.yml"))["jobs"]
    matrices = [job["strategy"]["matrix"]["python"] for job in jobs.values() if "strategy" in job]
    assert matrices and all(matrix == pythons for matrix in matrices)
    assert 'python_requires=">=%d.%d"' % oldest in read("setup.py")
    for path in ("README.md", "docs/how-to/install.md", "constraints.txt"):
        assert re.findall(r"CPython (3\.\d+) to (3\.\d+)", read(path)) == [(pythons[0], pythons[-1])]
    (named,) = re.findall(r"ROS 2 (\w+(?:, \w+)+ and \w+)", read("README.md"))
    distros = re.split(", | and ", named.lower())
    jobs = yaml.safe_load(read(".github", "workflows", "ros.yml"))["jobs"]
    assert [item["distro"] for item in jobs["colcon"]["strategy"]["matrix"]["include"]] == distros
    assert jobs["image"]["strategy"]["matrix"]["distro"] == distros


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == constant("setup.py", "VERSION") == pose_estimation_ros.__version__
    assert citation["title"] == constant("setup.py", "NAME") and citation["license"] == "Apache-2.0"
    assert '<url type="repository">%s</url>' % citation["repository-code"] in read("package.xml")


def test_versions_of_pre_commit_are_those_of_the_constraints():
    revisions = {repo["repo"]: repo["rev"] for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]}
    assert revisions["https://github.com/astral-sh/ruff-pre-commit"] == "v" + pin("ruff")
    assert revisions["https://github.com/codespell-project/codespell"] == "v" + pin("codespell")


def test_the_page_names_files_arguments_and_profiles_that_exist():
    page = read("docs", "how-to", "run-in-containers.md")
    assert [path for path in re.findall(r"-f (\S+)", page) if not os.path.isfile(os.path.join(ROOT, path))] == []
    arguments = {name for path in DOCKERFILES for name in re.findall(r"^ARG (\w+)", read(path), re.M)}
    assert set(re.findall(r"--build-arg (\w+)=", page)) <= arguments
    assert set(re.findall(r"--profile (\w+)", page)) == set(compose()["services"])
    assert "-v %s:" % compose()["volumes"]["cache"]["name"] in page
    variables = set(re.findall(r"\$\{(\w+)", read("docker", "compose.yaml")))
    assert set(re.findall(r"\b([A-Z_]+)=\S+ (?:[A-Z_]+=\S+ )*docker compose", page)) <= variables


def find_program(name):
    """Return the path of a linter, of this environment or of the machine; skip the test where there is none."""
    path = shutil.which(name, path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    return path or pytest.skip("%s is not installed" % name)


@pytest.mark.parametrize(
    "program, paths", [("hadolint", DOCKERFILES), ("shellcheck", ["docker/*.sh"]), ("actionlint", WORKFLOWS)]
)
def test_linters_find_nothing(program, paths):
    files = sorted(name for path in paths for name in glob.glob(os.path.join(ROOT, path)))
    done = subprocess.run([find_program(program)] + files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    assert files and (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("path, schema", SCHEMAS)
def test_files_fit_their_schemas(path, schema):
    run = [find_program("check-jsonschema"), "--builtin-schema", "vendor." + schema, path]
    done = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, universal_newlines=True)
    assert done.returncode == 0, done.stdout
