"""Sets up training on real symbols, from a checkpoint, pictures and a released family.

    synthesis alone    cached: whole pictures are encoded once with the released family
    prior alone        cached: crops are analysed and coded once, then each step is given its past
    more than one      in the loop: their symbols change with every step

Source of the idea: Borzechowski et al. 2024, arXiv:2506.08662.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from licodec.codec.model import read_family
from licodec.config import CorrectionConfig
from licodec.metrics.distortion import stage_name
from licodec.train.cache_folder import CacheFolder
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint
from licodec.train.data import Pictures
from licodec.train.end_to_end import EndToEnd
from licodec.train.export import released_tensors
from licodec.train.finetune_cache import LatentCache
from licodec.train.finetune_encode import encoders
from licodec.train.finetune_task import CacheProgress, SynthesisOnLatents
from licodec.train.integers import integer_prior
from licodec.train.loop import RunOptions, Task, Trainer, seeded_network
from licodec.train.network import CodecNetwork
from licodec.train.prior_crops import CropCache
from licodec.train.prior_task import PriorOnCrops
from licodec.train.transfer import load_weights

# Parts that may be trained: first word of their parameters' names, learning rate relative to the
# run's. The analysis is none of them.
PARTS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {"synthesis": ("synthesis", 1.0), "prior": ("prior", 1.0), "gains": ("log_", 0.5)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneOptions:
    """What is trained, on which symbols."""

    parts: tuple[str, ...]  # of PARTS, in this order
    quantizer: str  # key of CHOICES; with prior or gains trained, one of IN_LOOP_QUANTIZERS
    family_path: Path  # released family.safetensors; read if the synthesis alone is trained
    cache: Path  # folder of the pairs, or of a prior's crops
    cache_bytes: float
    num_jobs: int = 1  # processes that encode
    prior: str | None = None  # key of PRIORS that the checkpoint's grows into

    @property
    def is_synthesis_alone(self) -> bool:
        """Whether nothing that is trained changes a symbol; whole pictures are cached then."""
        return self.parts == ("synthesis",)

    @property
    def is_prior_alone(self) -> bool:
        """Whether the values to be coded stay the same; crops are cached then."""
        return self.parts == ("prior",)


def finetuner(
    start: Path,
    synthesis: CorrectionConfig | None,
    options: RunOptions,
    tuning: FinetuneOptions,
    train: Pictures,
    valid: Pictures,
    report: Callable[[CacheProgress], None],
) -> Trainer:
    """Set up a finetuning.

    Args:
        start: checkpoint to begin or go on from.
        synthesis: shape, None for the checkpoint's; one that does not contain that starts anew.
        options: of the run.
        tuning: what to train, on which symbols.
        train: pictures to train on.
        valid: pictures held back.
        report: takes progress while pictures are encoded.

    Raises:
        TrainingError: unusable checkpoint, or not one of the released family.
        ModelError: damaged family.
    """
    family, own = checkpoint_configs(start)
    if tuning.prior is not None:
        family = family.with_prior(tuning.prior)
    network = seeded_network(family, synthesis or own, options.seed)
    stage = stage_name(f"{'+'.join(tuning.parts)} on {tuning.quantizer}", options.tune)
    rates = dict(PARTS[part] for part in tuning.parts)
    task: Task
    if tuning.is_synthesis_alone:
        cache = _cache_of_release(start, network, tuning, options.device)
        task = SynthesisOnLatents(
            network,
            options,
            train,
            valid,
            cache=cache,
            rates=rates,
            stage=stage,
            report=report,
            encoders=partial(
                encoders, tuning.num_jobs, tuning.family_path, tuning.cache, tuning.quantizer
            ),
        )
    elif tuning.is_prior_alone:
        load_weights(network, load_checkpoint(start)["ema"], with_synthesis=False)
        folder = CacheFolder(tuning.cache, tuning.cache_bytes)
        crops = CropCache(folder, network, options.crop_px, tuning.quantizer)
        task = PriorOnCrops(
            network,
            options,
            train,
            valid,
            cache=crops,
            stage=stage,
            quantizer=tuning.quantizer,
            report=report,
        )
    else:
        task = EndToEnd(
            network,
            options,
            train,
            valid,
            rates=rates,
            stage=stage,
            quantizer=tuning.quantizer,
            on_integers=True,
        )
    trainer = Trainer(options, network, task)
    trainer.resume(start, grows=tuning.prior is not None)
    return trainer


def _cache_of_release(
    start: Path, network: CodecNetwork, tuning: FinetuneOptions, device: str
) -> LatentCache:
    load_weights(network, load_checkpoint(start)["ema"], with_synthesis=False)
    integers = integer_prior(network.prior, network.log_detail_steps, network.log_low_steps)
    released_tensors(tuning.family_path, integers)
    family = read_family(tuning.family_path)
    folder = CacheFolder(tuning.cache, tuning.cache_bytes)
    return LatentCache(folder, family, tuning.quantizer, device)
