"""Show the progress of a build: a bar for each phase (TensorRT 8.6 and later), or else the elapsed time."""

import contextlib
import sys
import threading
import time
from typing import Dict, Iterator

from tqdm import tqdm

from pose_estimation_ros.inference.trt.api import TensorRT, TrtObject
from pose_estimation_ros.inference.trt.cache import Say

EVERY_S = 60.0  # between lines if there is no terminal or no information for a bar


@contextlib.contextmanager
def watch_build(trt: TensorRT, config: TrtObject, say: Say) -> Iterator[None]:
    """Report progress while the body of the with statement builds; Ctrl-C ends the build cleanly.

    Args:
        trt: the module tensorrt.
        config: configuration of the builder; it receives a monitor.
        say: prints lines of progress.
    """
    started_s, done = time.monotonic(), threading.Event()
    monitor = None
    if hasattr(trt, "IProgressMonitor") and hasattr(config, "progress_monitor"):
        monitor = config.progress_monitor = make_monitor(trt)

    def report() -> None:
        while not done.wait(EVERY_S):
            say("building for %d s" % (time.monotonic() - started_s))

    if not (monitor and sys.stderr.isatty()):
        threading.Thread(target=report, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        if monitor:
            monitor.close()
    if monitor and monitor.cancelled:
        raise KeyboardInterrupt


def make_monitor(trt: TensorRT) -> TrtObject:
    """Make a monitor with a bar for each running phase, inner phases below outer ones."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Show a bar for each running phase."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.cancelled = False
            self.bars: Dict[str, tqdm] = {}

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            """Open the bar of a phase."""
            bar = tqdm(total=num_steps, desc=phase_name, position=len(self.bars), leave=False, disable=None)
            self.bars[phase_name] = bar

        def step_complete(self, phase_name: str, step: int) -> bool:
            """Advance the bar of a phase. Returns False to stop the build."""
            try:
                bar = self.bars[phase_name]
                bar.update(step + 1 - bar.n)
            except KeyboardInterrupt:  # TensorRT would ignore it
                self.cancelled = True
            return not self.cancelled

        def phase_finish(self, phase_name: str) -> None:
            """Close the bar of a phase."""
            self.bars.pop(phase_name).close()

        def close(self) -> None:
            """Close all bars."""
            for bar in self.bars.values():
                bar.close()

    return Monitor()
