"""One process of a `torchrun`: trains the tiny networks for a few steps and stores its weights."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from licodec.train.processes import first_process_value, joined_processes
from tests.train.pictures import tiny_trainer

if __name__ == "__main__":
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    with joined_processes("cpu") as device:
        trainer = tiny_trainer(out, 2.0, device=device, linear_share=0.5, batch_size=1)
        trainer.run(lambda row: None)
        state = {
            "network": trainer.network.state_dict(),
            "step": trainer.step,
            "crop": trainer.task.sampler.batch(),
            "shared": first_process_value(float(trainer.rank) + 0.25),
        }
        torch.save(state, out / f"rank{trainer.rank}.pt")
