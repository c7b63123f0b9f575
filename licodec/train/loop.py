"""The training loop, from a network and a task to a checkpoint; the same on CPU and GPU."""

from __future__ import annotations

import ctypes
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from licodec.config import (
    CorrectionConfig,
    FamilyConfig,
    family_to_json,
    synthesis_to_json,
)
from licodec.errors import TrainingError
from licodec.metrics.psnr import finite_psnr_of
from licodec.train.checkpoint import configs_of, load_checkpoint, save_checkpoint
from licodec.train.network import CodecNetwork
from licodec.train.optimizer import MuonAndAdam
from licodec.train.processes import (
    average_gradients,
    first_process_value,
    process_rank,
    share_weights,
)
from licodec.train.schedule import RunningLoss, rate_factor
from licodec.train.transfer import load_weights, respaced, start_unchanged
from licodec.transform.quality import knot_weights

_CHECKPOINT_EVERY_S = 240.0  # a kill loses less than five minutes
_LOG_EVERY_S = 20.0
_MAX_VALIDATION_SHARE = 0.1  # of the time; a checkpoint that is not validated keeps the last scores
_PREPARE_SHARE = 1 / 3  # of the time that is left, which a task may spend on getting ready
_EMA_DECAY = 0.999
_EMA_EVERY = 4
_CLIP_NORM = 1.0
_MAX_LOST_STEPS = 100  # in a row whose gradients are no numbers; single ones are passed over
VALIDATION_POSITIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
VALIDATION_PX = 384
VALIDATION_PICTURES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Settings of a run; times in seconds."""

    out: Path  # folder of the run: last.pt, log.jsonl
    time_limit_s: float
    stop_after_s: float = math.inf  # of this call; `resume` then goes on in the same schedule
    device: str
    seed: int
    crop_px: int
    batch_size: int
    learning_rate: float
    tune: str  # key of DISTORTIONS


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the log."""

    step: int
    elapsed_s: float
    loss: float
    bpp: float
    distortion_db: float  # PSNR, where squared error is trained
    rate_factor: float
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class BatchLoss:
    """What one batch costs; (N,) each, without gradient but for `wanted`."""

    position: Tensor  # quality in [0, 1]
    bpp: Tensor
    distortion: Tensor  # squared grey levels
    wanted: Tensor  # is minimised
    cost: Tensor  # its running mean at each quality divides `wanted`


class Task(Protocol):
    """What a run trains, and on what.

    Attributes:
        stage: name in log and checkpoint; runs of another stage begin a new schedule.
        rates: first words of the names of parameters that are trained, with the learning rate of
            each relative to the run's; all others are frozen.
        is_linear: both learned corrections are left out at present.
    """

    stage: str
    rates: Mapping[str, float]
    is_linear: bool

    def prepare(self, budget_s: float, seed: int) -> None:
        """Get ready before the first step, in about this time; seed of all that is drawn then."""

    def losses(self, share: float) -> BatchLoss:
        """Draw a batch and compute its losses; share of the time limit that has passed."""

    def measure(self, position: float) -> tuple[Tensor, Tensor]:
        """Bits per pixel and distortion (n,) of held-back crops at a quality; n may be 0."""


def seeded_network(family: FamilyConfig, synthesis: CorrectionConfig, seed: int) -> CodecNetwork:
    """A network with random weights; seeds torch."""
    torch.manual_seed(seed)
    return CodecNetwork(family, synthesis)


def _seed_at(seed: int, rank: int, step: int) -> int:
    """Seed of a process from a step on: a run that goes on draws other crops than it had."""
    return int(np.random.SeedSequence([seed, rank, step]).generate_state(1)[0])


class Trainer:
    """Network, optimiser and their averages; `run` trains until the time is over.

    Args:
        options: of the run.
        network: to train; it is moved to the run's device.
        task: of this network.
    """

    def __init__(self, options: RunOptions, network: CodecNetwork, task: Task) -> None:
        keep_freed_memory()
        self.options, self.network, self.task = options, network, task
        self.rank = process_rank()
        network.to(torch.device(options.device), memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = {k: v.clone() for k, v in network.state_dict().items()}
        self.running = RunningLoss(network.family.num_knots)
        self.optimizer = MuonAndAdam(self._parameter_groups())
        self.step, self.run_step, self.elapsed_s, self.total_s = 0, 0, 0.0, 0.0
        self._num_lost = 0  # steps in a row
        self.scores: list[float] = []  # of this process' validations
        self._valid: dict[str, Any] = {}  # the last one

    def _parameter_groups(self) -> list[dict[str, Any]]:
        groups = []
        named = dict(self.network.named_parameters())
        for prefix, factor in self.task.rates.items():
            params = [p for n, p in named.items() if n.startswith(prefix)]
            rate = self.options.learning_rate * factor
            groups.append({"params": params, "lr": rate, "base_lr": rate})
        for name, parameter in named.items():
            parameter.requires_grad_(name.startswith(tuple(self.task.rates)))
        return groups

    def resume(self, path: Path, *, grows: bool = False) -> None:
        """Go on from a checkpoint: where it stopped, or with a new decay if it was finished.

        A run that goes on keeps its learning rate. A synthesis that contains the checkpoint's
        begins as that one, any other anew.

        Args:
            path: of the checkpoint.
            grows: what its family lacks begins as no change, rather than being refused.

        Raises:
            TrainingError: damaged checkpoint, or one of another shape.
        """
        state = load_checkpoint(path)
        family, synthesis = configs_of(path, state)
        wanted = self.network.synthesis_config
        is_same_synthesis = synthesis == wanted
        lambda_max = family.lambda_max
        is_same_range = lambda_max == self.network.family.lambda_max
        tensors = respaced(state["ema"], lambda_max, self.network.family)
        with_synthesis = wanted.contains(synthesis)
        missing = load_weights(self.network, tensors, with_synthesis=with_synthesis)
        may_grow = grows and self.network.family.analysis.contains(family.analysis)
        growing = [n for n in missing if may_grow or n.startswith("synthesis.")]
        unfit = set(missing) - set(growing)
        unfit.update(start_unchanged(self.network, growing, tensors))
        if unfit:
            raise TrainingError(f"{path}: family tensors {', '.join(sorted(unfit)[:3])} do not fit")
        self.ema = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.step, self.total_s = int(state["step"]), float(state["total_s"])
        is_same_stage = state.get("stage") == self.task.stage
        if is_same_stage:
            self.running.mean, self.running.weight = state["running_mean"], state["running_weight"]
        is_same_run = is_same_stage and state["time_limit_s"] == self.options.time_limit_s
        unfinished = is_same_run and state["elapsed_s"] < state["time_limit_s"]
        if unfinished and is_same_synthesis and is_same_range and not growing:
            self.network.load_state_dict(state["network"])
            self._resume_optimizer(path, state["optimizer"])
            self.elapsed_s, self.run_step = float(state["elapsed_s"]), int(state["run_step"])

    def _resume_optimizer(self, path: Path, state: Mapping[str, Any]) -> None:
        try:
            self.optimizer.load_state_dict(state)
        except ValueError as error:
            raise TrainingError(
                f"{path}: its run cannot go on ({error}); "
                "start a new decay from it with another --time-limit"
            ) from error

    def run(self, report: Callable[[Progress], None]) -> None:
        """Train until the time limit; writes last.pt and log.jsonl into the run's folder.

        Raises:
            TrainingError: gradients are no numbers any more.
        """
        options = self.options
        options.out.mkdir(parents=True, exist_ok=True)
        began = now = last_tick = last_log = last_save = next_validation = time.monotonic()
        share_weights(self.network)
        left_s = min(options.time_limit_s - self.elapsed_s, options.stop_after_s)
        seed = _seed_at(options.seed, self.rank, self.step)
        torch.manual_seed(seed)
        self.task.prepare(left_s * _PREPARE_SHARE, seed)
        if self.rank == 0 and self.step > 0 and self.run_step == 0:
            self._log_validation()  # what the new schedule starts from
        while True:
            is_stopped = now - began >= options.stop_after_s
            elapsed_s = first_process_value(math.inf if is_stopped else self.elapsed_s)
            if elapsed_s >= options.time_limit_s:
                break
            # Every step has the same shapes.
            with torch.backends.cudnn.flags(enabled=True, benchmark=True):
                progress = self._train_step(elapsed_s / options.time_limit_s)
            now = time.monotonic()
            self.elapsed_s += now - last_tick
            self.total_s += now - last_tick
            last_tick = now
            if self.rank == 0 and now - last_log > _LOG_EVERY_S:
                last_log = now
                self._log(asdict(progress))
                report(progress)
            if self.rank == 0 and now - last_save > _CHECKPOINT_EVERY_S:
                is_validated = now >= next_validation
                self.save(is_validated=is_validated)
                last_save = last_tick = time.monotonic()
                if is_validated:
                    next_validation = now + (last_save - now) / _MAX_VALIDATION_SHARE
        if self.rank == 0:
            self.save()

    def _train_step(self, share: float) -> Progress:
        factor = rate_factor(share, self.run_step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        batch = self.task.losses(share)
        weights = knot_weights(batch.position.cpu(), self.network.family.num_knots)
        self.running.update(batch.cost.detach().cpu(), weights)
        loss = (batch.wanted / self.running.at(weights).to(batch.wanted)).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP_NORM)
        if torch.isfinite(norm):
            self.optimizer.step()
            self._num_lost = 0
        else:
            self._num_lost += 1
            self._check_lost()
        self.step += 1
        self.run_step += 1
        if self.step % _EMA_EVERY == 0:
            self._average()
        bpp, decibels = batch.bpp.mean().item(), finite_psnr_of(batch.distortion.mean().item())
        return Progress(self.step, self.elapsed_s, loss.item(), bpp, decibels, factor, float(norm))

    def _check_lost(self) -> None:
        if self._num_lost >= _MAX_LOST_STEPS:
            raise TrainingError(
                f"step {self.step + 1}: the gradients of {self._num_lost} steps in a row are no "
                "numbers; go on from an earlier checkpoint with a lower --learning-rate"
            )

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(_EMA_DECAY, 1 - 1 / (self.run_step + 10)) ** _EMA_EVERY
        averages = list(self.ema.values())
        torch._foreach_lerp_(averages, list(self.network.state_dict().values()), 1 - decay)

    @torch.no_grad()
    def validate(self) -> dict[str, Any]:
        """Rate and distortion of the averaged weights on held-back crops, on real symbols."""
        network = self.network
        current = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(self.ema)
        points, score = [], 0.0
        for position in VALIDATION_POSITIONS:
            bpp, distortion = self.task.measure(position)
            if not len(bpp):
                break
            rd_lambda = network.rd_lambda(torch.full_like(bpp, position))
            decibels = sum(map(finite_psnr_of, distortion.tolist())) / len(distortion)
            points.append([position, bpp.mean().item(), decibels])
            score += (bpp + rd_lambda * distortion).log().mean().item() / len(VALIDATION_POSITIONS)
        network.load_state_dict(current)
        return {"valid": points, "valid_score": score} if points else {}

    def save(self, *, is_validated: bool = True) -> None:
        """Write last.pt, and a validation line into the log unless the last one is to do."""
        if is_validated:
            self._log_validation()
        state = {
            "family": family_to_json(self.network.family),
            "network": self.network.state_dict(),
            "ema": self.ema,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "run_step": self.run_step,
            "elapsed_s": self.elapsed_s,
            "total_s": self.total_s,
            "time_limit_s": self.options.time_limit_s,
            "stage": self.task.stage,
            "tune": self.options.tune,
            "synthesis": synthesis_to_json(self.network.synthesis_config),
            "running_mean": self.running.mean,
            "running_weight": self.running.weight,
            **self._valid,
        }
        save_checkpoint(self.options.out / "last.pt", state)

    def _log_validation(self) -> None:
        valid = self._valid = self.validate()
        if valid:
            self.scores.append(valid["valid_score"])
            self._log(
                {
                    "step": self.step,
                    "elapsed_s": self.elapsed_s,
                    "total_s": self.total_s,
                    "is_linear": self.task.is_linear,
                    "stage": self.task.stage,
                    **valid,
                }
            )

    def _log(self, row: dict[str, Any]) -> None:
        with open(self.options.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks: page faults otherwise cost as much as arithmetic."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return  # not glibc: nothing to tune
    mmap_max, trim_threshold = -4, -1
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 1 << 30)
