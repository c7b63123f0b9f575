"""The processes of a `torchrun` joined, or nothing to join."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist


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
