"""Give the ROS domains of tests, so that no two hear one another: neither in this process nor in one beside it."""

import itertools
import os

from pose_estimation_ros.nodes.demo.processes import is_free

COUNT = 60  # the demo and the soak test take 61 to 101, and may run beside the tests


def domains(environment, pid, parent_pid):
    """Yield ROS_DOMAIN_IDs of 1 to COUNT for ever: all of them, or under pytest-xdist this worker's share.

    Another run of the tests begins elsewhere, as its process has another number.
    """
    worker = environment.get("PYTEST_XDIST_WORKER")
    share = COUNT // int(environment["PYTEST_XDIST_WORKER_COUNT"]) if worker else COUNT
    first = parent_pid + int(worker[len("gw") :]) * share if worker else pid
    for number in itertools.cycle(range(share)):
        yield (first + number) % COUNT + 1


_OF_THIS_PROCESS = domains(os.environ, os.getpid(), os.getppid())


def next_domain():
    """Return the ROS_DOMAIN_ID for one more test of this process: one that no other program is in, if there is any."""
    domain = 0
    for domain in itertools.islice(_OF_THIS_PROCESS, COUNT):
        if is_free(domain):
            break
    return domain
