"""Bags as tasks on a Ray cluster, whose machines have this package and see the same files under the same paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from tqdm import tqdm

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.bag.run.jobs import Order, Outcome, whole_bag


def on_ray(orders: Sequence[Order], address: str, done: Callable[[int, Outcome], None]) -> None:
    """Calls done(place in orders, outcome) for each as they end. After Ctrl-C tasks stop and write what they have; what
    that was is not told.

    Each takes as many CPUs as the option threads says, 1 where that is 0. Raises ConfigError: no Ray, or no cluster.
    """
    ray = connected(address)
    threads = orders[0].options.threads or 1
    task = ray.remote(num_cpus=threads, max_retries=0)(in_folder)
    own = [order._replace(options=order.options._replace(threads=threads)) for order in orders]
    waiting = {task.remote(order, os.getcwd()): place for place, order in enumerate(own)}
    try:
        with tqdm(total=len(own), unit="bag", disable=None) as bar:
            while waiting:
                (ready,), _ = ray.wait(list(waiting))
                done(waiting.pop(ready), outcome_of(ray, ready))
                bar.update()
    except KeyboardInterrupt:
        for left in waiting:
            ray.cancel(left)
        ray.wait(list(waiting), num_returns=len(waiting))
        for place in waiting.values():
            done(place, Outcome([], "", True))
    finally:
        ray.shutdown()


def connected(address: str):  # type: ignore[no-untyped-def]  # the module, which need not be installed
    try:
        import ray
    except ImportError as error:
        raise ConfigError(f"--ray needs Ray: pip install -c constraints.txt ray ({error})") from error
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"expected a Ray cluster at {address}: {error}") from error
    return ray


def in_folder(order: Order, folder: str) -> Outcome:
    """On a worker: relative paths are the driver's."""
    os.chdir(folder)
    return whole_bag(order)


def outcome_of(ray, task) -> Outcome:  # type: ignore[no-untyped-def]
    try:
        return ray.get(task)
    except ray.exceptions.RayError as error:
        return Outcome([], f"its task on Ray failed: {str(error).strip().splitlines()[-1]}", crashed=True)
