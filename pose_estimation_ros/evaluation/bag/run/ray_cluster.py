"""Evaluate bags as tasks on a Ray cluster.

Its machines must have this package, and see the same files at the same paths.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from tqdm import tqdm

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.bag.run.jobs import Outcome, evaluate_bag
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation


def on_ray(evaluations: Sequence[BagEvaluation], address: str, keep: Callable[[int, Outcome], None]) -> None:
    """Evaluate bags on a cluster; a task takes as many CPUs as the option threads says, 1 where that is 0.

    After Ctrl-C the tasks stop and write what they have; their outcomes do not list it.

    Args:
        evaluations: evaluations of one bag each.
        address: address of the cluster.
        keep: is called with the place in the evaluations and the outcome, as each task ends.

    Raises:
        ConfigError: ray is not installed, or there is no cluster at the address.
    """
    ray = connected(address)
    threads = evaluations[0].options.threads or 1
    task = ray.remote(num_cpus=threads, max_retries=0)(in_folder)
    settings = [evaluation.with_threads(threads).to_json() for evaluation in evaluations]
    waiting = {task.remote(fields, os.getcwd()): place for place, fields in enumerate(settings)}
    try:
        with tqdm(total=len(settings), unit="bag", disable=None) as bar:
            while waiting:
                (ready,), _ = ray.wait(list(waiting))
                keep(waiting.pop(ready), outcome_of(ray, ready))
                bar.update()
    except KeyboardInterrupt:
        for left in waiting:
            ray.cancel(left)
        ray.wait(list(waiting), num_returns=len(waiting))
        for place in waiting.values():
            keep(place, Outcome([], interrupted=True))
    finally:
        ray.shutdown()


def connected(address: str) -> Any:
    """Connect to a cluster and return the module ray, which need not be installed. Raises ConfigError; see on_ray."""
    try:
        import ray
    except ImportError as error:
        raise ConfigError(f"--ray needs Ray: pip install -c constraints.txt ray ({error})") from error
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"expected a Ray cluster at {address}: {error}") from error
    return ray


def in_folder(settings: dict[str, Any], folder: str) -> Outcome:
    """Evaluate a bag on a worker machine.

    Args:
        settings: settings of the evaluation of one bag, as BagEvaluation.to_json returned them.
        folder: working folder of the driver, which relative paths refer to.
    """
    os.chdir(folder)
    return evaluate_bag(BagEvaluation.from_json(settings), lambda text: None)


def outcome_of(ray: Any, task: Any) -> Outcome:
    """Return the outcome of a task that has ended; an error where the task failed.

    Args:
        ray: the module.
        task: reference to the task's result.
    """
    try:
        outcome: Outcome = ray.get(task)
    except ray.exceptions.RayError as error:
        return Outcome([], f"its task on Ray failed: {str(error).strip().splitlines()[-1]}", retry=True)
    return outcome
