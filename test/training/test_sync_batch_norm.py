"""On one process it is BatchNorm2d; two processes are compared with one in test_train.py."""

import pytest
import torch
import torch.distributed as dist
from torch import nn

from pose_estimation_ros.training.sync_batch_norm import SyncBatchNorm, synchronise


@pytest.fixture
def one_process(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_forward_gradients_and_statistics_are_batch_norms(one_process):
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(3)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    ours = SyncBatchNorm(3)
    ours.load_state_dict(plain.state_dict())
    x, weight = torch.randn(4, 3, 5, 6) * 3 + 7, torch.randn(4, 3, 5, 6)
    results = []
    for norm in (plain, ours):
        leaf = x.clone().requires_grad_()
        (norm(leaf) * weight).sum().backward()
        results.append([leaf.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var])
        results[-1].append(norm.eval()(x))
        assert norm.num_batches_tracked == 1
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_synchronise_replaces_all_and_keeps_names():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4)))
    names = list(model.state_dict())
    changed = synchronise(model, torch.device("cpu"))
    assert list(changed.state_dict()) == names
    assert [type(m) for m in changed.modules() if isinstance(m, nn.BatchNorm2d)] == [SyncBatchNorm] * 2
