"""How far a build has come: a bar for each phase where TensorRT tells of them (8.6 and later), else the time gone."""

import contextlib
import sys
import threading
import time
from typing import Any, Dict, Iterator

from tqdm import tqdm

EVERY_S = 60.0  # between lines where no terminal shows a bar, or there is nothing to make one of


@contextlib.contextmanager
def watch_build(trt: Any, config: Any, say: Any) -> Iterator[None]:
    """Reports while the body builds. config: the builder's, which gets a monitor. Ctrl-C ends the build cleanly."""
    started_s, done = time.monotonic(), threading.Event()
    monitor = None
    if hasattr(trt, "IProgressMonitor") and hasattr(config, "progress_monitor"):
        monitor = config.progress_monitor = make_monitor(trt)

    def tell() -> None:
        while not done.wait(EVERY_S):
            say("building for %d s" % (time.monotonic() - started_s))

    if not (monitor and sys.stderr.isatty()):
        threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        if monitor:
            monitor.close()
    if monitor and monitor.cancelled:
        raise KeyboardInterrupt


def make_monitor(trt: Any) -> Any:
    """A monitor with a bar and its time left for each phase that is under way, inner ones below outer ones."""

    class Monitor(trt.IProgressMonitor):  # type: ignore
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.cancelled = False
            self.bars: Dict[str, tqdm] = {}

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            bar = tqdm(total=num_steps, desc=phase_name, position=len(self.bars), leave=False, disable=None)
            self.bars[phase_name] = bar

        def step_complete(self, phase_name: str, step: int) -> bool:
            try:
                bar = self.bars[phase_name]
                bar.update(step + 1 - bar.n)
            except KeyboardInterrupt:  # TensorRT would swallow it: false asks it to stop
                self.cancelled = True
            return not self.cancelled

        def phase_finish(self, phase_name: str) -> None:
            self.bars.pop(phase_name).close()

        def close(self) -> None:
            for bar in self.bars.values():
                bar.close()

    return Monitor()
