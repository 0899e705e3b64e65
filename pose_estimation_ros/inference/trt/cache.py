"""Where built engines are kept, and never served stale: each has a sidecar ``x.engine.json`` that says what it is of.

An engine's file name holds a hash of all that it depends on (``KEY``), so what differs in any of it is another file.
Engine, then sidecar, are written beside and renamed into place; an engine without a sidecar that has its sha256 does
not count. So a crash at any moment leaves the old engine, the new one, or none, and never half of one.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import stat
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from pose_estimation_ros.core.atomic_files import is_number, read_json, write_json, write_whole
from pose_estimation_ros.core.errors import DataError, ModelError, shown
from pose_estimation_ros.core.model_spec import parse_spec, read_model

MACHINE = ("tensorrt", "cuda", "device", "compute_capability")  # an engine runs where all of these are the same
SOURCES = ("onnx_sha256", "source_sha256")
KEY = SOURCES + MACHINE + ("precision", "max_batch", "shapes", "device_decode", "workspace_mb", "max_error_px")
SIDECAR = KEY + (
    "model_spec",
    "onnx_path",
    "source_path",
    "precision_built",
    "layers",
    "parity",
    "failed_over",
    "built",
    "engine_sha256",
)
TYPES: Dict[type, Tuple[str, ...]] = {
    str: SOURCES + MACHINE + ("precision", "onnx_path", "source_path", "precision_built", "engine_sha256"),
    dict: ("model_spec", "layers", "built"),
    list: ("shapes", "failed_over"),
}
LOCK = "building.lock"
LOCK_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def cache_folder() -> str:
    """``$XDG_CACHE_HOME/pose_estimation_ros/engines``, by default below ``~/.cache``; need not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "pose_estimation_ros", "engines")


def engine_path(folder: str, name: str, key: Mapping) -> str:
    """The place of an engine in a cache folder. name: of the model; key: a value for each of ``KEY``."""
    values = json.dumps({field: key[field] for field in KEY}, sort_keys=True)
    digest = hashlib.sha256(values.encode()).hexdigest()
    return os.path.join(folder, "%s-%s-%s.engine" % (name, key["precision"], digest[:16]))


def sidecar_path(path: str) -> str:
    """``x.engine`` -> ``x.engine.json``."""
    return str(path) + ".json"


def read_sidecar(path: str) -> Dict[str, Any]:
    """Read what is known of the engine at path: the fields of ``SIDECAR``.

    model_spec: the fields of the model's ModelSpec. onnx_path, onnx_sha256: the float32 model, which serves without
    TensorRT; source_path, source_sha256: its file in the precision asked for. precision: asked for; precision_built:
    what came out; layers: how many of which. shapes: of the input, [least, best, most]. device_decode: whether the
    graph gives keypoints in place of heatmaps. parity: error against ONNX Runtime in px, None if unchecked;
    failed_over: the same of precisions that were too far off. built: {"utc", "seconds", "source": the file compiled}.

    Raises ModelError: there is no engine or no sidecar, it is no JSON, lacks a field or has one of another type, or the
    engine is not the one that it speaks of, such as one half written or copied without it.
    """
    return read_engine(path)[1]


def read_engine(path: str) -> Tuple[bytes, Dict[str, Any]]:
    """Read an engine once: its bytes and its sidecar, which belong together. Raises ModelError as read_sidecar."""
    content, sidecar = read_model(path), _read_fields(path)
    found, wanted = hashlib.sha256(content).hexdigest(), sidecar["engine_sha256"]
    if found != wanted:
        raise ModelError("%s: expected sha256 %s (of its sidecar), got %s: half written or replaced; build it again"
                         % (path, shown(wanted).strip("'"), found))  # fmt: skip
    return content, sidecar


def _read_fields(path: str) -> Dict[str, Any]:
    """Read the sidecar of an engine, whose content is not looked at."""
    if not os.path.isfile(sidecar_path(path)):
        raise ModelError("%s does not exist: build the engine with `pose build-engine`" % sidecar_path(path))
    sidecar = read_json(sidecar_path(path), ModelError)
    _check_fields(sidecar, sidecar_path(path))
    return sidecar


def _check_fields(sidecar: Any, path: str) -> None:
    missing = sorted(set(SIDECAR) - set(sidecar)) if isinstance(sidecar, dict) else list(SIDECAR)
    if missing:
        raise ModelError("%s: expected the fields of an engine's sidecar, missing: %s" % (path, missing))
    for kind, names in TYPES.items():
        for name in names:
            if not isinstance(sidecar[name], kind):
                text = "%s: expected %s as a JSON value of type %s, got %s"
                raise ModelError(text % (path, name, kind.__name__, shown(sidecar[name])))
    parity, figures = sidecar["parity"], ("median_px", "p99_px", "keypoints")
    if parity is not None and not (isinstance(parity, dict) and all(is_number(parity.get(name)) for name in figures)):
        raise ModelError("%s: expected parity with the numbers %s, got %s" % (path, ", ".join(figures), shown(parity)))
    if not is_number(sidecar["built"].get("seconds")):
        raise ModelError("%s: expected built.seconds as a number, got %s" % (path, shown(sidecar["built"])))
    parse_spec(path, sidecar["model_spec"])


def differences(sidecar: Mapping, here: Mapping) -> List[str]:
    """The fields of ``here`` that have another value in the sidecar, as "name 'theirs', here 'ours'"."""
    differing = [(name, shown(sidecar[name]), shown(value)) for name, value in here.items() if sidecar[name] != value]
    return ["%s %s, here %s" % values for values in differing]


def refuse_foreign(sidecar: Mapping, here: Mapping) -> None:
    """Raises ModelError naming every field of ``here`` (``Gpu.machine``, and onnx_sha256 if known) that differs."""
    found = differences(sidecar, here)
    if found:
        raise ModelError(
            "this engine was built for something else: %s. Engines cannot be moved between machines or versions: run "
            "`pose build-engine %s` here" % ("; ".join(found), sidecar["onnx_path"])
        )


def is_current(path: str, key: Mapping) -> bool:
    """Whether a whole engine lies at path that was built for exactly this key."""
    try:
        return not differences(read_sidecar(path), {field: key[field] for field in KEY})
    except ModelError:
        return False


def refuse_untrusted(path: str) -> None:
    """Refuse a file or folder that others can write, because TensorRT runs what an engine holds.

    Raises ModelError: it belongs neither to this process's user nor to root, or everybody may write it.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise ModelError("%s cannot be read: %s" % (path, error.strerror))
    if status.st_uid not in (os.geteuid(), 0):
        raise ModelError("%s belongs to user %d, expected user %d or root: change its owner, or set XDG_CACHE_HOME"
                         % (path, status.st_uid, os.geteuid()))  # fmt: skip
    if status.st_mode & stat.S_IWOTH:
        raise ModelError("%s can be written by everybody: run `chmod o-w %s`" % (path, path))


def cached_engines(
    here: Mapping, folder: Optional[str] = None, skipped: Optional[List[str]] = None
) -> Iterator[Tuple[str, bytes, Dict[str, Any]]]:
    """Find the whole engines in the cache that fit this machine, and read one after the other.

    Args:
        here: ``Gpu.machine``, with onnx_sha256, precision ... where only those of a model are wanted.
        folder: of the cache, ``cache_folder()`` if None.
        skipped: gets a line for each engine that cannot be used, and why.

    Yields:
        Path, bytes and sidecar of each, the newest first.

    Raises:
        ModelError: others can write the folder.
    """
    folder, skipped = folder or cache_folder(), [] if skipped is None else skipped
    if not os.path.isdir(folder):
        return
    refuse_untrusted(folder)
    fitting = []
    for path in sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".engine")):
        try:
            for file in (path, sidecar_path(path)):
                refuse_untrusted(file)
            if not differences(_read_fields(path), here):
                fitting.append((os.path.getmtime(path), path))
        except (ModelError, OSError) as error:
            skipped.append(str(error))
    for _time, path in sorted(fitting, reverse=True):
        try:
            content, sidecar = read_engine(path)
        except ModelError as error:
            skipped.append(str(error))
            continue
        yield path, content, sidecar


def store(path: str, engine: bytes, sidecar: Mapping) -> None:
    """Writes an engine and its sidecar, which gets engine_sha256. Raises ModelError where that cannot be written."""
    with writing(path):
        write_whole(path, engine)
        write_json(sidecar_path(path), dict(sidecar, engine_sha256=hashlib.sha256(engine).hexdigest()), indent=1)


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """Turns a full or read-only disk into a ModelError that says what to do."""
    try:
        yield
    except (OSError, DataError) as error:
        raise ModelError(
            "cannot write to %s: %s. Engines need a folder that can be written to: set XDG_CACHE_HOME, or give --out"
            % (os.path.dirname(os.path.abspath(path)), getattr(error, "strerror", None) or error)
        )


def make_folder(folder: str) -> None:
    """Make a folder for engines; the cache is its user's alone. Raises ModelError where others can write the cache."""
    if os.path.abspath(folder) == os.path.abspath(cache_folder()):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        refuse_untrusted(folder)
    os.makedirs(folder, exist_ok=True)


@contextlib.contextmanager
def building(folder: str, say: Any) -> Iterator[None]:
    """Holds the folder for one builder at a time: a second waits, then finds the first one's engine.

    One lock for the whole folder, because builds at the same time would disturb each other's timings and share the
    timing cache. The kernel frees it when its holder dies, however it does.
    """
    path = os.path.join(folder, LOCK)
    with writing(path):
        make_folder(folder)
        lock = open(path, "ab", opener=lambda name, _flags: os.open(name, LOCK_FLAGS, 0o600))
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process builds an engine in %s: waiting for it" % folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
