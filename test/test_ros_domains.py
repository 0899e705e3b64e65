import itertools

import pytest
import ros_domains
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


def test_a_domain_that_another_program_is_in_is_left_out(monkeypatch):
    monkeypatch.setattr(ros_domains, "_OF_THIS_PROCESS", itertools.cycle([4, 5, 6]))
    monkeypatch.setattr(ros_domains, "is_free", lambda domain: domain != 5)
    assert [ros_domains.next_domain() for _ in range(4)] == [4, 6, 4, 6]
    monkeypatch.setattr(ros_domains, "is_free", lambda _domain: False)
    assert ros_domains.next_domain() in (4, 5, 6)
