"""Keep built TensorRT engines in a cache folder.

A sidecar file ``x.engine.json`` records what each engine was built from, so that an outdated engine is never used. The
name of an engine's file contains a hash of everything that the engine depends on (``KEY``). The engine and then the
sidecar are written to temporary files and renamed. An engine without a sidecar that holds its sha256 is not used. So a
crash at any moment leaves the old engine, the new one or none, and never a part of one.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import stat
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from pose_estimation_ros.core.atomic_files import JsonObject, is_number, read_json, write_json, write_whole
from pose_estimation_ros.core.errors import DataError, ModelError, shown
from pose_estimation_ros.core.model_spec import parse_spec, read_model

MACHINE = ("tensorrt", "cuda", "device", "compute_capability")  # an engine runs only where all of these are equal
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
Fields = Mapping[str, Any]  # all or some fields of a sidecar
Say = Callable[[str], None]  # prints a line of progress
LOCK = "building.lock"
LOCK_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def cache_folder() -> str:
    """Return ``$XDG_CACHE_HOME/pose_estimation_ros/engines``, by default below ``~/.cache``; it may not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "pose_estimation_ros", "engines")


def engine_path(folder: str, name: str, key: Fields) -> str:
    """Return the path of an engine in a cache folder.

    Args:
        folder: folder of the cache.
        name: name of the model.
        key: a value for each field of ``KEY``.
    """
    values = json.dumps({field: key[field] for field in KEY}, sort_keys=True)
    digest = hashlib.sha256(values.encode()).hexdigest()
    return os.path.join(folder, "%s-%s-%s.engine" % (name, key["precision"], digest[:16]))


def sidecar_path(path: str) -> str:
    """Return the path of an engine's sidecar, ``x.engine.json`` for ``x.engine``."""
    return str(path) + ".json"


def read_sidecar(path: str) -> JsonObject:
    """Read the sidecar of an engine and check that it belongs to the engine.

    Args:
        path: path of the engine.

    Returns:
        The fields of ``SIDECAR``: those of ``KEY``, and

        * model_spec: the fields of the model's ModelSpec.
        * onnx_path, onnx_sha256: the float32 model, which runs without TensorRT.
        * source_path, source_sha256: the file of the model in the requested precision.
        * precision, precision_built, layers: requested precision, precision of the engine, {precision: layers}.
        * shapes: of the input, [smallest, best, largest].
        * device_decode: whether the network outputs keypoints instead of heatmaps.
        * parity: error against ONNX Runtime in px, None if unchecked.
        * failed_over: the same for precisions whose error was too large.
        * built: {"utc", "seconds", "source": the compiled file}.
        * engine_sha256: of the engine.

    Raises:
        ModelError: the engine or the sidecar is missing, the sidecar is no JSON or lacks a field or has a field of
            another type, or the engine has another sha256, for example because it was copied without its sidecar.
    """
    return read_engine(path)[1]


def read_engine(path: str) -> Tuple[bytes, JsonObject]:
    """Read the bytes of an engine and its sidecar once. Raises ModelError like read_sidecar."""
    content, sidecar = read_model(path), _read_fields(path)
    actual, expected = hashlib.sha256(content).hexdigest(), sidecar["engine_sha256"]
    if actual != expected:
        raise ModelError("%s: expected sha256 %s (of its sidecar), got %s: half written or replaced; build it again"
                         % (path, shown(expected).strip("'"), actual))  # fmt: skip
    return content, sidecar


def _read_fields(path: str) -> JsonObject:
    """Read the sidecar of an engine without reading the engine."""
    if not os.path.isfile(sidecar_path(path)):
        text = (
            "%s does not exist: build the engine with `pose build-engine`; of an engine of another program import the "
        )
        raise ModelError((text + "ONNX file with `pose import`") % sidecar_path(path))
    return _check_fields(read_json(sidecar_path(path), ModelError), sidecar_path(path))


def _check_fields(content: object, path: str) -> JsonObject:
    """Return the content of a sidecar after checking all fields."""
    sidecar: JsonObject = content if isinstance(content, dict) else {}
    missing = [name for name in sorted(SIDECAR) if name not in sidecar]
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
    return sidecar


def differences(sidecar: Fields, here: Fields) -> List[str]:
    """List the fields that differ between a sidecar and this machine.

    Args:
        sidecar: sidecar of an engine.
        here: the fields to compare.

    Returns:
        Lines "name 'value in the sidecar', here 'value in here'".
    """
    differing = [(name, shown(sidecar[name]), shown(value)) for name, value in here.items() if sidecar[name] != value]
    return ["%s %s, here %s" % values for values in differing]


def refuse_foreign(sidecar: Fields, here: Fields) -> None:
    """Refuse an engine that was built for another machine, version or model.

    Args:
        sidecar: sidecar of the engine.
        here: ``Gpu.machine``, and the hashes of the ONNX files if they are known.

    Raises:
        ModelError: a field differs; the message lists all of them.
    """
    differing = differences(sidecar, here)
    if differing:
        raise ModelError(
            "this engine was built for something else: %s. Engines cannot be moved between machines or versions: run "
            "`pose build-engine %s` here" % ("; ".join(differing), sidecar["onnx_path"])
        )


def is_current(path: str, key: Fields) -> bool:
    """Tell whether a file is a complete engine that was built for exactly this key.

    Args:
        path: path of the engine; it may not exist.
        key: a value for each field of ``KEY``.
    """
    try:
        return not differences(read_sidecar(path), {field: key[field] for field in KEY})
    except ModelError:
        return False


def refuse_untrusted(path: str) -> None:
    """Refuse a file or folder that other users can write, because TensorRT executes the code in an engine.

    Raises:
        ModelError: it belongs neither to the user of this process nor to root, or everybody may write it.
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
    here: Fields, folder: Optional[str] = None, skipped: Optional[List[str]] = None
) -> Iterator[Tuple[str, bytes, JsonObject]]:
    """Find the complete engines in the cache that fit this machine, and read them one by one.

    Args:
        here: ``Gpu.machine``, and onnx_sha256, precision ... to find only the engines of a model.
        folder: folder of the cache, ``cache_folder()`` if None.
        skipped: receives a line with the reason for each engine that cannot be used.

    Yields:
        Path, bytes and sidecar of each engine, the newest first.

    Raises:
        ModelError: other users can write the folder.
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


def store(path: str, engine: bytes, sidecar: Fields) -> None:
    """Write an engine and its sidecar.

    Args:
        path: path of the engine.
        engine: its bytes.
        sidecar: its fields without engine_sha256, which is added.

    Raises:
        ModelError: a file cannot be written.
    """
    with writing(path):
        write_whole(path, engine)
        write_json(sidecar_path(path), dict(sidecar, engine_sha256=hashlib.sha256(engine).hexdigest()), indent=1)


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """Convert the error of a full or read-only disk to a ModelError with advice; path is that of the engine."""
    try:
        yield
    except (OSError, DataError) as error:
        raise ModelError(
            "cannot write to %s: %s. Engines need a folder that can be written to: set XDG_CACHE_HOME, or give --out"
            % (os.path.dirname(os.path.abspath(path)), getattr(error, "strerror", None) or error)
        )


def make_folder(folder: str) -> None:
    """Create a folder for engines; only its user may enter the cache. Raises ModelError if others can write it."""
    if os.path.abspath(folder) == os.path.abspath(cache_folder()):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        refuse_untrusted(folder)
    os.makedirs(folder, exist_ok=True)


@contextlib.contextmanager
def building(folder: str, say: Say) -> Iterator[None]:
    """Lock a folder for one builder at a time: a second one waits and then finds the engine of the first.

    The whole folder has one lock, because simultaneous builds would disturb each other's timings and share the timing
    cache. The kernel releases it however the process ends.

    Args:
        folder: folder of the engine; it is created.
        say: prints that another process is building.

    Raises:
        ModelError: the folder cannot be written, or other users can write it.
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
