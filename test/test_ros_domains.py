import itertools

import pytest
from ros_domains import COUNT, domains


def share_of(worker, workers, parent_pid=7):
    environment = {"PYTEST_XDIST_WORKER": "gw%d" % worker, "PYTEST_XDIST_WORKER_COUNT": str(workers)}
    return list(itertools.islice(domains(environment, 1000 + worker, parent_pid), COUNT // workers))


def test_one_process_has_all():
    taken = list(itertools.islice(domains({}, 123456, 1), 2 * COUNT))
    assert sorted(taken[:COUNT]) == list(range(1, 61)) and taken[COUNT:] == taken[:COUNT]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7, 60])
def test_workers_share_none(workers):
    taken = [domain for worker in range(workers) for domain in share_of(worker, workers)]
    assert len(set(taken)) == len(taken) > COUNT - workers and set(taken) <= set(range(1, 61))
