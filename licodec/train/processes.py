"""The processes of a `torchrun` joined and kept alike; all of it does nothing without one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn


@contextmanager
def joined_processes(device_type: str) -> Iterator[str]:
    """Join the group that `torchrun` describes in the environment, if there is one.

    Args:
        device_type: "cpu" or "cuda".

    Yields:
        Device of this process, such as "cpu" or "cuda:1".
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device_type
        return
    is_cuda = device_type == "cuda"
    device = f"cuda:{int(os.environ['LOCAL_RANK'])}" if is_cuda else "cpu"
    if is_cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if is_cuda else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def process_rank() -> int:
    """Number of this process, 0 without a `torchrun`."""
    return dist.get_rank() if dist.is_initialized() else 0


def num_processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share_weights(network: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if dist.is_initialized():
        for tensor in network.state_dict().values():
            dist.broadcast(tensor, 0)


def first_process_value(value: float) -> float:
    """The first process' value, so that all leave a loop at the same step."""
    if not dist.is_initialized():
        return value
    is_cuda = dist.get_backend() == "nccl"
    shared = torch.tensor([value], dtype=torch.float64, device="cuda" if is_cuda else "cpu")
    dist.broadcast(shared, 0)
    return float(shared)


def average_gradients(network: nn.Module) -> None:
    """Mean of the gradients over all processes."""
    if not dist.is_initialized():
        return
    for parameter in network.parameters():
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= dist.get_world_size()
