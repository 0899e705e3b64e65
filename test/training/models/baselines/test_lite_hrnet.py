"""Lite-HRNet's parts against the official code's formulas, written with functions; batch norms as they start."""

import pytest
import torch
from torch.nn import functional

from pose_estimation_ros.training.models.baselines.lite_hrnet import CrossResolutionGate, IterativeHead, LiteUnit

WIDTHS = (8, 16, 32)
NORM = (1 + 1e-5) ** -0.5  # a batch norm in evaluation as it starts


@pytest.fixture
def features():
    torch.manual_seed(0)
    return [torch.randn(2, width, 16 >> branch, 24 >> branch) for branch, width in enumerate(WIDTHS)]


@torch.no_grad()
def test_a_cross_resolution_gate_reads_all_branches_at_the_lowest_resolution(features):
    gate = CrossResolutionGate(WIDTHS, ratio=8).eval()
    down, up = gate.gate[0][0].weight, gate.gate[1][0].weight
    pooled = torch.cat([functional.adaptive_avg_pool2d(x, features[-1].shape[2:]) for x in features], 1)
    logits = functional.conv2d(functional.conv2d(pooled, down).mul(NORM).relu(), up) * NORM
    for x, logit, found in zip(features, logits.split(WIDTHS, 1), gate(features)):
        torch.testing.assert_close(found, x * functional.interpolate(logit.sigmoid(), x.shape[2:]))


@torch.no_grad()
def test_the_finest_branch_counts_twice_and_the_others_read_its_sum(features):
    unit = LiteUnit(WIDTHS, blocks=0).eval()
    finest, middle, coarsest = features
    to = unit.fuse
    sums = [2 * finest + to[0][1](middle) + to[0][2](coarsest)]
    sums.append(2 * to[1][0](sums[0]) + middle + to[1][2](coarsest))
    sums.append(2 * to[2][0](sums[0]) + to[2][1](middle) + coarsest)
    torch.testing.assert_close(unit(features), [total.relu() for total in sums])


@torch.no_grad()
def test_the_head_goes_from_the_coarsest_branch_to_the_finest(features):
    head = IterativeHead(WIDTHS).eval()
    x = None
    for project, branch in zip(head.projects, features[::-1]):
        up = 0 if x is None else functional.interpolate(x, branch.shape[2:], mode="bilinear", align_corners=True)
        x = project(branch + up)
    assert x.shape[1] == WIDTHS[0]
    torch.testing.assert_close(head(features), x)
