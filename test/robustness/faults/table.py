"""List all faults: what is done, in which setting of the node, and what it must report; play and judge them."""

import functools
import signal
from typing import Any, Callable, NamedTuple

from faults import depth, environment, gpu_node, hostile, images, manners, space
from faults.camera import FIXED_FRAME
from faults.rig import NODE, Rig, traceback_in

ROUNDS = 4
GROWTH_LIMIT_MB = 8.0  # from the second round to the last: in the first, pools fill
UNEXPECTED = "unexpected error, the node goes on: Traceback"
POOLS_MB = 64.0  # memory that allocators may keep after the first of the largest images


class Setting(NamedTuple):
    """Describe a setting of the node.

    parameters: parameters of the node. camera: keyword arguments of Camera. module: module that runs the node. model:
    function of a folder that writes another model than the colour model and returns its path.
    """

    parameters: Any = {}
    camera: Any = {}
    module: str = NODE
    model: Any = None


SETTINGS = {
    "plain": Setting(),
    "compressed": Setting({"image_transport": "compressed"}, {"transport": "compressed"}),
    "depth": Setting({"depth_topic": "depth/image"}, {"beside": ("depth", "camera_info")}),
    "guess": Setting({"position_without_depth": "height"}, {"beside": ("camera_info",)}),
    "tf": Setting(
        {"depth_topic": "depth/image", "target_frame": FIXED_FRAME},
        {"beside": ("depth", "camera_info", "transform")},
        module="faults.tf_node",
    ),
    "reliable": Setting({"qos": "reliable"}),
    "sim": Setting({"use_sim_time": True}),
    "overflow": Setting(model=hostile.write_overflowing_model),
    "gpu": Setting(module="faults.gpu_node", model=gpu_node.write_model),
}


class Fault(NamedTuple):
    """Describe a fault.

    done: what is done, in a few words. do: function of a Rig that does it. reports: pattern that a line of the log or
    of the diagnostics must match, "" if the node need not report it. rounds: how often it is done. ends: whether the
    node must end, cleanly. unexpected: whether the node can only survive and log a traceback, because rclpy raises.
    """

    name: str
    done: str
    do: Callable
    reports: str = ""
    setting: str = "plain"
    rounds: int = ROUNDS
    ends: bool = False
    unexpected: bool = False


def _signals(name, done, *signals, **more):
    return Fault(name, done, functools.partial(environment.gets_signals, signals=signals, **more), rounds=2, ends=True)


BAD = r"WARN not every image can be used.*|ERROR no image can be used.*"
FAULTS = [
    Fault("camera stalls", "no image until it reports it", images.stalls, "ERROR .*stalled: nothing more.*",
          rounds=2),
    Fault("camera restarts", "its publisher anew, 3 times in 1 s", images.restarts),
    Fault("camera is killed", "kill -9 of its process", images.is_killed, "ERROR .*(stalled|gone).*", rounds=2),
    Fault("size changes", "1x1 to 800x600 and back", images.changes_size),
    Fault("encoding changes", "rgb8, bgra8, mono8, bgr8", images.changes_encoding),
    Fault("stamps jump", "1 h forward, back, equal, zero", environment.stamps_jump,
          "WARN .*ahead of this node's clock"),
    Fault("flood", "200 Hz of 320x240 for 3 s", images.floods),
    Fault("garbage", "80 inconsistent images", images.garbage, BAD),
    Fault("wrong type", "CameraInfo on the image's topic", images.wrong_type),
    Fault("any quality of service", "reliable, best effort, volatile, latched", images.all_qualities),
    Fault("two cameras, one topic", "other sizes and stamps", images.two_cameras_on_one_topic),
    Fault("subscribers come and go", "10 of pose/image in 2 s", images.many_subscribers_come_and_go),
    Fault("subscriber never reads", "reliable, keeps all, 6 s", environment.subscriber_never_reads),
    Fault("subscriber frozen", "SIGSTOP, gets overlays of 640x480", environment.subscriber_is_frozen),
    Fault("disabled and enabled", "~/enable while images come, 3 times", manners.toggles_enable,
          "OK disabled by its parameter"),
    Fault("web_view is killed", "kill -9 with a viewer, then a new one", manners.page_is_killed, rounds=3),
    Fault("incompatible QoS", "qos reliable, camera best effort", images.best_effort_only, "ERROR .*incompatible QoS.*",
          "reliable", rounds=2),
    Fault("images of 40000 px a side", "40000x1, 1x40000, 70000x2", hostile.wide_images, BAD),
    Fault("encoding of 4 MB", "10 such strings", hostile.endless_encoding, BAD),
    Fault("parameter of type 77", "set_parameters, then a good one", hostile.parameter_of_unknown_type,
          "WARN unexpected errors, see the log", rounds=2, unexpected=True),
    Fault("network overflows", "inf and NaN, overlay watched", hostile.network_overflows,
          r"(WARN|ERROR) .*not finite.*", "overflow"),
    Fault("giant JPEG and PNG", "20 small files that decode to GB", hostile.giant_files, BAD, "compressed"),
    Fault("truncated JPEG and worse", "80 files cut off, noise, bombs", images.compressed_garbage, BAD, "compressed"),
    Fault("depth of another size", "48x64, 640x480, 1x1", depth.has_other_size, setting="depth"),
    Fault("nonsense depth", "NaN, inf, negative, bgr8, short", depth.is_nonsense, BAD, "depth"),
    Fault("depth stalls", "3 s of images without", depth.stalls, "no depth image for 1 s.*", "depth"),
    Fault("CameraInfo late", "none for seconds, then good ones", depth.calibration_is_late,
          "WARN no CameraInfo: no joints in space", "depth", rounds=1),
    Fault("CameraInfo uncalibrated", "k all zero, then good ones", depth.calibration_is_zero,
          "WARN CameraInfo: .*: no joints in space", "depth", rounds=1),
    Fault("nonsense CameraInfo", "NaN, inf, 50 coefficients, huge", depth.calibration_is_nonsense,
          "WARN CameraInfo: .*", "depth"),
    Fault("CameraInfo singular", "no inverse, absurd numbers", hostile.calibration_is_singular,
          "WARN CameraInfo: .*", "depth"),
    Fault("guess without CameraInfo", "none for seconds, then good ones", space.calibration_is_late,
          "WARN no CameraInfo: no positions of people", "guess", rounds=1),
    Fault("transform missing", "none for 2 s, then again", space.transform_stops,
          r"(WARN|ERROR) .*can be used: .*transform \d+.*", "tf"),
    Fault("transform late", "each 1 s after its image", space.transform_is_late,
          r"(WARN|ERROR) .*can be used: .*transform \d+.*", "tf"),
    Fault("negative /clock", "400 times -5 s", hostile.clock_is_negative, "WARN unexpected errors, see the log", "sim",
          rounds=2, unexpected=True),
    Fault("bag played again", "/clock back from 5000 s to 100 s", environment.sim_time_goes_back, setting="sim"),
    Fault("bag paused", "no /clock, no image", environment.sim_time_stands_still, "ERROR .*stalled.*", "sim", rounds=2),
    Fault("engine fails in flight", "CUDA error 700 (fake CUDA)", environment.engine_fails,
          "WARN fallback in use: .*CUDA error 700.*", "gpu", rounds=1),
    _signals("SIGINT", "while images come", signal.SIGINT),
    _signals("SIGTERM", "while images come", signal.SIGTERM),
    _signals("double SIGINT", "at once", signal.SIGINT, signal.SIGINT),
    _signals("double SIGINT, slower", "0.1 s apart", signal.SIGINT, signal.SIGINT, pause_s=0.1),
    _signals("SIGINT, SIGTERM x 3", "0.05 s apart", signal.SIGINT, *3 * [signal.SIGTERM], pause_s=0.05),
]  # fmt: skip


class Outcome(NamedTuple):
    """Hold the outcome of a fault.

    end: "runs" or the exit code. growth_mb: growth of the node's own memory. seen: the report that was expected.
    recovery_s: the longest recovery, None if the node ended or never recovered. problems: what went wrong.
    """

    end: str
    growth_mb: float
    seen: str
    recovery_s: Any
    problems: list


def make_rig(name, folder):
    """Make a rig in that setting; play() starts its node."""
    setting = SETTINGS[name]
    parameters = dict(setting.parameters, **({"model": setting.model(folder)} if setting.model else {}))
    return Rig(folder, parameters, setting.camera, setting.module)


def play(fault, rig, rounds=None):
    """Do a fault to the rig's node. The rig may be used again.

    Args:
        fault: Fault to do.
        rig: Rig in the setting of the fault.
        rounds: How often to do it; default: as often as the fault says.

    Returns:
        The Outcome.
    """
    sizes_mb, recoveries_s, problems, seen = [], [], [], ""
    if rig.process:
        rig.mark()
    rig.start()
    before_mb = rig.resident_mb()
    for _ in range(rounds or fault.rounds):
        rig.start()
        rig.mark()
        seen = _do(fault, rig, problems) or seen
        if rig.process.poll() is None and not fault.ends:
            recoveries_s.append(_recovery_s(rig, problems))
            sizes_mb.append(rig.resident_mb())
        log = rig.log().replace(UNEXPECTED, "") if fault.unexpected else rig.log()
        problems += filter(None, [traceback_in(log)])
        if problems:
            break
    growth_mb = _growth_mb(before_mb, sizes_mb, problems)
    recovery_s = None if None in recoveries_s or not recoveries_s else max(recoveries_s)
    return Outcome(_end(fault, rig, problems), growth_mb, seen, recovery_s, problems)


def _do(fault, rig, problems):
    """Do the fault once; return the report that it was expected to cause."""
    try:
        fault.do(rig)
    except AssertionError as error:
        problems.append(str(error))
    if fault.reports and not rig.spin(until=lambda: rig.first_match(fault.reports)):
        problems.append("not reported")
    return rig.first_match(fault.reports) if fault.reports else ""


def _recovery_s(rig, problems):
    if rig.camera is None or rig.parameters.get("qos") == "reliable":
        rig.new_camera()
    recovery_s = rig.recovery_s()
    if recovery_s is None:
        problems.append("no recovery")
    elif not rig.spin(send=rig.good, until=lambda: rig.level() not in ("", "ERROR")):
        problems.append("still an ERROR after recovery")
    return recovery_s


def _growth_mb(before_mb, sizes_mb, problems):
    """Return the growth from the second round to the last; with fewer than three rounds, from the start."""
    if not sizes_mb:
        return float("nan")
    several = len(sizes_mb) > 2
    growth_mb = sizes_mb[-1] - (sizes_mb[1] if several else before_mb)
    if growth_mb > (GROWTH_LIMIT_MB if several else POOLS_MB):
        problems.append("memory grew")
    return growth_mb


def _end(fault, rig, problems):
    code = rig.process.poll()
    if code != (0 if fault.ends else None):
        problems.append("it ended" if code is not None else "it did not end")
    return "runs" if code is None else "code %d" % code
