"""Pictures and options in, a checkpoint out: the training loop, the same on CPU and GPU."""

from __future__ import annotations

import ctypes
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn

from licodec.config import (
    FamilyConfig,
    SynthesisConfig,
    family_from_json,
    family_to_json,
    synthesis_from_json,
    synthesis_to_json,
)
from licodec.errors import TrainingError
from licodec.prior.fake_integers import round_to_integers
from licodec.prior.msp import quantize_dead_zone, quantize_relaxed
from licodec.train.checkpoint import load_checkpoint, save_checkpoint
from licodec.train.data import CropSampler, Pictures, validation_crops
from licodec.train.network import CodecNetwork
from licodec.train.processes import average_gradients, first_process_value, share_weights
from licodec.train.schedule import RunningLoss, rate_factor
from licodec.transform.quality import interpolate, knot_weights

_CHECKPOINT_EVERY_S = 240.0  # a kill loses less than five minutes
_LOG_EVERY_S = 20.0
_EMA_DECAY = 0.999
_EMA_EVERY = 4
_CLIP_NORM = 1.0
VALIDATION_POSITIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
_VALIDATION_PX = 384
_VALIDATION_PICTURES = 12

# joint: everything, on relaxed symbols. quantized: prior and synthesis, on the symbols that a real
# encode chooses, with analysis and steps frozen (Borzechowski et al. 2024, arXiv:2506.08662).
# synthesis: the synthesis alone on such symbols, for one more profile of a released family.
Stage = Literal["joint", "quantized", "synthesis"]
_FROZEN: Mapping[Stage, tuple[str, ...]] = {
    "joint": (),
    "quantized": ("analysis", "log_"),
    "synthesis": ("analysis", "log_", "prior"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What a run is told; times in seconds."""

    out: Path  # folder of the run: last.pt, log.jsonl
    time_limit_s: float
    device: str = "cpu"
    seed: int = 0
    crop_px: int = 256
    batch_size: int = 8
    learning_rate: float = 2e-3  # of the prior; corrections train at half of it
    linear_share: float = 0.3  # of the time, on the linear base alone
    stage: Stage = "joint"
    compile: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the log."""

    step: int
    elapsed_s: float
    loss: float
    bpp: float
    psnr_db: float
    rate_factor: float
    gradient_norm: float


class Trainer:
    """Network, optimiser and their averages; `run` trains until the time is over."""

    def __init__(
        self,
        options: TrainOptions,
        family: FamilyConfig,
        synthesis: SynthesisConfig,
        train: Pictures,
        valid: Pictures,
    ) -> None:
        keep_freed_memory()
        self.options = options
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        torch.manual_seed(options.seed + 7919 * self.rank)
        self.device = torch.device(options.device)
        self.network = CodecNetwork(family, synthesis)
        seed = options.seed * 1000 + self.rank
        self.sampler = CropSampler(train, options.crop_px, options.batch_size, seed)
        self.network.start_from_spreads(torch.cat([self.sampler.batch() for _ in range(4)]))
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.validation = validation_crops(valid, _VALIDATION_PX, _VALIDATION_PICTURES)
        self.ema = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.running = RunningLoss(family.num_knots)
        self.optimizer = torch.optim.Adam(self._parameter_groups(), betas=(0.9, 0.98))
        self.step, self.run_step, self.elapsed_s, self.total_s = 0, 0, 0.0, 0.0
        self.is_linear = options.linear_share > 0 and options.stage == "joint"
        round_to_integers(self.network, options.stage != "joint")
        self.quantize = quantize_relaxed if options.stage == "joint" else quantize_dead_zone

    def _parameter_groups(self) -> list[dict[str, Any]]:
        rates = {"analysis": 0.5, "synthesis": 0.5, "prior": 1.0, "log_": 0.5}
        groups = []
        for prefix, factor in rates.items():
            params = [p for n, p in self.network.named_parameters() if n.startswith(prefix)]
            rate = self.options.learning_rate * factor
            groups.append({"params": params, "lr": rate, "base_lr": rate})
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not name.startswith(_FROZEN[self.options.stage]))
        return groups

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint: where it stopped, or with a new decay if it was finished.

        Raises:
            TrainingError: damaged checkpoint, or one of another shape.
        """
        state = load_checkpoint(path)
        missing = load_matching(self.network, state["ema"])
        family = [name for name in missing if not name.startswith("synthesis.")]
        if family:
            raise TrainingError(f"{path}: family tensors {', '.join(family[:3])} do not fit")
        self.ema = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.step, self.total_s = int(state["step"]), float(state["total_s"])
        self.running.mean, self.running.weight = state["running_mean"], state["running_weight"]
        is_same_run = (state["time_limit_s"], state.get("stage")) == (
            self.options.time_limit_s,
            self.options.stage,
        )
        unfinished = is_same_run and state["elapsed_s"] < state["time_limit_s"]
        if unfinished and not missing:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.elapsed_s, self.run_step = float(state["elapsed_s"]), int(state["run_step"])

    def run(self, report: Callable[[Progress], None]) -> None:
        """Train until the time limit; writes last.pt and log.jsonl into the run's folder."""
        options = self.options
        options.out.mkdir(parents=True, exist_ok=True)
        forward = torch.compile(self.network) if options.compile else self.network
        last_tick = last_log = time.monotonic()
        last_save = last_tick
        share_weights(self.network)
        while (elapsed_s := first_process_value(self.elapsed_s)) < options.time_limit_s:
            share = elapsed_s / options.time_limit_s
            self._choose_stage(share)
            progress = self._train_step(forward, share)
            now = time.monotonic()
            self.elapsed_s += now - last_tick
            self.total_s += now - last_tick
            last_tick = now
            if self.rank == 0 and now - last_log > _LOG_EVERY_S:
                last_log = now
                self._log({k: getattr(progress, k) for k in Progress.__dataclass_fields__})
                report(progress)
            if self.rank == 0 and now - last_save > _CHECKPOINT_EVERY_S:
                self.save(validate=True)
                last_save = last_tick = time.monotonic()
        if self.rank == 0:
            self.save(validate=True)

    def _choose_stage(self, share: float) -> None:
        is_linear = share < self.options.linear_share and self.options.stage == "joint"
        if self.run_step == 0 or is_linear != self.is_linear:
            self.is_linear = is_linear
            if self.options.stage == "joint":
                for name in ("log_detail_steps", "log_low_steps"):
                    getattr(self.network, name).requires_grad_(not is_linear)

    def _train_step(self, forward: Callable[..., Any], share: float) -> Progress:
        options, network = self.options, self.network
        factor = rate_factor(share, self.run_step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        rgb = self.sampler.batch().to(self.device, non_blocking=True)
        position = torch.rand(options.batch_size, device=self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            bpp, mse = forward(rgb, position, linear=self.is_linear, quantize=self.quantize)
        weights = knot_weights(position, network.family.num_knots)
        rd_lambda = torch.exp(interpolate(weights, network.rd_lambdas.log()))
        losses = bpp + rd_lambda * mse
        self.running.update(losses.detach().cpu(), weights.cpu())
        # In the linear stage only the rate can change.
        wanted = bpp if self.is_linear else losses
        loss = (wanted / self.running.at(weights.cpu()).to(wanted)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(network)
        norm = nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        self.run_step += 1
        if self.step % _EMA_EVERY == 0:
            self._average()
        psnr = 10 * math.log10(255**2 / max(mse.mean().item(), 1e-9))
        return Progress(
            self.step, self.elapsed_s, loss.item(), bpp.mean().item(), psnr, factor, float(norm)
        )

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(_EMA_DECAY, 1 - 1 / (self.run_step + 10)) ** _EMA_EVERY
        for key, value in self.network.state_dict().items():
            self.ema[key].lerp_(value, 1 - decay)

    @torch.no_grad()
    def validate(self) -> dict[str, Any]:
        """Rate and distortion of the averaged weights on held-back crops with real rounding."""
        if not len(self.validation):
            return {}
        current = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(self.ema)
        points, score = [], 0.0
        for position in VALIDATION_POSITIONS:
            bpps, psnrs, losses = [], [], []
            for chunk in torch.split(self.validation, 4):
                at = torch.full((len(chunk),), position, device=self.device)
                with torch.autocast(self.device.type, dtype=torch.bfloat16):
                    bpp, mse = self.network(
                        chunk.to(self.device),
                        at,
                        quantize=quantize_dead_zone,
                        linear=self.is_linear,
                    )
                weights = knot_weights(at, self.network.family.num_knots)
                losses.append(
                    bpp + torch.exp(interpolate(weights, self.network.rd_lambdas.log())) * mse
                )
                bpps.append(bpp)
                psnrs.append(10 * torch.log10(255**2 / mse))
            points.append([position, torch.cat(bpps).mean().item(), torch.cat(psnrs).mean().item()])
            score += torch.cat(losses).log().mean().item() / len(VALIDATION_POSITIONS)
        self.network.load_state_dict(current)
        return {"valid": points, "valid_score": score}

    def save(self, *, validate: bool) -> None:
        """Write last.pt, and a validation line into the log."""
        valid = self.validate() if validate else {}
        if valid:
            self._log(
                {
                    "step": self.step,
                    "elapsed_s": self.elapsed_s,
                    "total_s": self.total_s,
                    "is_linear": self.is_linear,
                    "stage": self.options.stage,
                    **valid,
                }
            )
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
            "stage": self.options.stage,
            "synthesis": synthesis_to_json(self.synthesis_config),
            "running_mean": self.running.mean,
            "running_weight": self.running.weight,
            **valid,
        }
        save_checkpoint(self.options.out / "last.pt", state)

    @property
    def synthesis_config(self) -> SynthesisConfig:
        """Shape of the synthesis in training."""
        net = self.network.synthesis
        return SynthesisConfig(width=net.into.out_channels, num_blocks=len(net.blocks))

    def _log(self, row: dict[str, Any]) -> None:
        with open(self.options.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def checkpoint_configs(path: Path) -> tuple[FamilyConfig, SynthesisConfig]:
    """Shapes that a checkpoint was trained with."""
    state = load_checkpoint(path)
    return family_from_json(state["family"]), synthesis_from_json(state["synthesis"])


def load_matching(network: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Load every tensor whose name and shape fit; returns the names that were left as they are."""
    own = network.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks: page faults otherwise cost as much as arithmetic."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return  # not glibc: nothing to tune
    mmap_max, trim_threshold = -4, -1
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 1 << 30)
