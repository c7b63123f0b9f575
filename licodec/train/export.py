"""Makes released weights of a checkpoint: integers, proven bounds, fitted tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from licodec.codec.encode import encode_pixels
from licodec.codec.model import (
    ANALYSIS_PREFIX,
    Family,
    Synthesis,
    family_of_tensors,
    fingerprint_of,
)
from licodec.config import (
    CHOICES,
    DEFAULT_CHOICE,
    MAX_QUALITY_INDEX,
    CorrectionConfig,
    FamilyConfig,
    family_to_json,
    synthesis_to_json,
)
from licodec.entropy.tables import NUM_SCALES
from licodec.errors import TrainingError
from licodec.files import make_folder
from licodec.metrics.psnr import finite_psnr_of
from licodec.prior.layout import NET_OF_LEVEL, fold_of
from licodec.profiles import read_scale
from licodec.quality_scale import EVEN, QualityScale, fit_quality_points, scale_to_json
from licodec.train.checkpoint import configs_of, load_checkpoint
from licodec.train.data import Pictures
from licodec.train.directions import fit_directions
from licodec.train.integer_loss import integer_loss
from licodec.train.integer_synthesis import (
    arrays_of,
    calibration_samples,
    integer_synthesis,
    measure_loss,
)
from licodec.train.integers import empty_counts, integer_prior, table_tensors
from licodec.train.network import CodecNetwork
from licodec.train.quality_scale import code_picture, measure_scores, save_weights
from licodec.transform.integer import IntegerSynthesis
from licodec.transform.weights import weights_of

# Where fewer than this share of a scale's symbols are not zero, all are taken as zero: dropping
# them costs less than coding the others.
_SKIP_SHARE = 0.002
_PRIOR_COUNT = 300.0
_FIT_ROUNDS = ("rdoq", "rdoq", DEFAULT_CHOICE, DEFAULT_CHOICE)
_FIT_PICTURES = 60
# Elements of smaller scales are nearly always zero, where a trellis gains nothing.
_TRELLIS_FROM = 8
_RD_PICTURES = 12
_LOSS_PICTURES = 6
_RD_INDICES = (26, 77, 128, 179, 230)

TABLE_TENSORS = ("table_halves", "table_reaches", "skip_below", "trellis_from")

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Released weights before they are written."""

    profile: str
    tune: str  # key of DISTORTIONS
    family_config: FamilyConfig
    synthesis_config: CorrectionConfig
    family_tensors: dict[str, Tensor]  # without the analysis
    analysis_tensors: dict[str, Tensor]
    synthesis_tensors: dict[str, Tensor]
    kmac_per_px: tuple[float, float]  # synthesis, prior
    rd: list[tuple[float, float, float]]  # quality, bpp, PSNR on the validation pictures
    integer_losses: list[float]  # relative extra rate at the same qualities
    scale: QualityScale  # of the family


def export(
    checkpoint: Path,
    profile: str,
    train: Pictures,
    valid: Pictures,
    report: Report,
    released_family: Path | None = None,
) -> Release:
    """Turn a checkpoint into released weights.

    Args:
        checkpoint: written by `licodec train`; its averaged weights are released.
        profile: name of the synthesis.
        train: pictures whose symbols the tables are fitted to.
        valid: pictures for the rate-distortion figures.
        report: takes a line per stage.
        released_family: family.safetensors that the synthesis is to join; its tables are kept.

    Raises:
        TrainingError: unreadable checkpoint, one of another family than the released one, or no
            picture held back.
        ModelError: an accumulator of the integer prior could leave the exact range.
    """
    if not valid.arrays:
        raise TrainingError(
            "no picture is held back to measure the release on; give two pictures or more"
        )
    state = load_checkpoint(checkpoint)
    network = CodecNetwork(*configs_of(checkpoint, state))
    network.load_state_dict(state["ema"])
    network.eval().requires_grad_(False)
    tensors = integer_prior(network.prior, network.log_detail_steps, network.log_low_steps)
    report("prior quantised to integers, bounds proven")
    if released_family is None:
        tensors |= _fit_tables(network, tensors, train, report)
    else:
        released = released_tensors(released_family, tensors)
        tensors |= {k: released[k] for k in TABLE_TENSORS}
    analysis = {k: v.half() for k, v in network.analysis.state_dict().items()}
    network.analysis.load_state_dict({k: v.float() for k, v in analysis.items()})
    # As a slim checkpoint has it, so that both give the same integers.
    synthesis_state = network.synthesis.state_dict()
    network.synthesis.load_state_dict({k: v.half().float() for k, v in synthesis_state.items()})
    family = _family(network, tensors)
    synthesis = _integer_synthesis(network, family, train, valid, report)
    form = IntegerSynthesis(arrays_of(synthesis), network.synthesis_config)
    measured_synthesis = Synthesis(bytes(2), form)
    scale = find_scale(state, released_family, family, measured_synthesis, valid, report)
    rd = _measure(family, measured_synthesis, valid, scale)
    losses = [
        integer_loss(network, family, valid.arrays[:_LOSS_PICTURES], index) for index in _RD_INDICES
    ]
    for index, loss in zip(_RD_INDICES, losses, strict=True):
        report(f"quality {scale.shown(index):.0f}: the integer prior costs {loss:+.2%} of rate")
    prior_kmac = prior_kmac_per_px(network)
    return Release(
        profile=profile,
        tune=state.get("tune", "psnr"),
        family_config=network.family,
        synthesis_config=network.synthesis_config,
        family_tensors=tensors,
        analysis_tensors=analysis,
        synthesis_tensors=synthesis,
        kmac_per_px=(network.synthesis.kmac_per_px, prior_kmac),
        rd=rd,
        integer_losses=losses,
        scale=scale,
    )


def _integer_synthesis(
    network: CodecNetwork, family: Family, train: Pictures, valid: Pictures, report: Report
) -> dict[str, Tensor]:
    """Tensors of the synthesis, with directions."""
    shape = network.synthesis_config
    samples = calibration_samples(family, train)
    tensors = integer_synthesis(network.synthesis, shape, network.family, samples)
    form = IntegerSynthesis(arrays_of(tensors), shape)
    for index in _RD_INDICES:
        crops = valid.arrays[:_LOSS_PICTURES]
        loss = measure_loss(network.synthesis, form, family, crops, index)
        report(f"index {index}: the integer synthesis costs {loss:.4f} dB")
    tensors["directions"] = fit_directions(family, form, train)
    report("directions fitted in which pictures tune the synthesis")
    return tensors


def find_scale(
    state: dict[str, Any],
    released_family: Path | None,
    family: Family,
    synthesis: Synthesis,
    valid: Pictures,
    report: Report,
) -> QualityScale:
    """The released family's scale of qualities, or the one of a checkpoint's tune.

    Args:
        state: of the checkpoint.
        released_family: family.safetensors that a synthesis is to join, if there is one.
        family, synthesis: what is measured.
        valid: held-back pictures.
        report: takes a line per index of quality.
    """
    if released_family is not None:
        return read_scale(released_family)
    if state.get("tune") != "visual":
        return QualityScale()
    return QualityScale(fit_quality_points(measure_scores(family, synthesis, valid.arrays, report)))


def released_tensors(path: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of a family.safetensors that must hold these integers of a prior.

    Args:
        path: of the released family.
        tensors: from `integer_prior`.

    Raises:
        TrainingError: unreadable, or of another family.
    """
    try:
        released = load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path}: released family cannot be read ({error})") from error
    changed = [k for k, v in tensors.items() if k not in released or not v.equal(released[k])]
    if changed:
        raise TrainingError(
            f"{path}: the checkpoint is of another family ({changed[0]} differs); finetune the "
            "synthesis of the family's own checkpoint"
        )
    return released


def _family(network: CodecNetwork, tensors: dict[str, Tensor]) -> Family:
    config = network.family
    analysis = weights_of(network.analysis, config.analysis, config.num_knots)
    return family_of_tensors(arrays_of(tensors), config, analysis)


def _fit_tables(
    network: CodecNetwork, tensors: dict[str, Tensor], train: Pictures, report: Report
) -> dict[str, Tensor]:
    """Count symbols that real encodes choose; choices and tables depend on each other."""
    counts, skip = empty_counts(), 1
    stride = max(1, len(train.arrays) // _FIT_PICTURES)
    for number, choice in enumerate(_FIT_ROUNDS):
        fitted = table_tensors(counts, skip, _TRELLIS_FROM, _PRIOR_COUNT if number else 1.0)
        family = _family(network, tensors | fitted)
        is_plain = CHOICES[choice] == "rounding"
        counted = empty_counts()
        random = np.random.default_rng(number)
        bits = pixels = 0.0
        for array in train.arrays[number % stride :: stride]:
            index = int(random.integers(0, MAX_QUALITY_INDEX + 1))
            encoded = encode_pixels(array, family, index, "cpu", choice=choice, is_all_coded=True)
            for symbols, used in zip(encoded.symbols, encoded.tables_used, strict=True):
                if used.size and used[0] != family.tables.shift_table:
                    count_symbols(counted, np.frombuffer(symbols, "<i2"), used)
            bits, pixels = bits + 8 * len(encoded.payload), pixels + array.shape[0] * array.shape[1]
        if is_plain:
            counts[:NUM_SCALES] = counted[:NUM_SCALES]
            shares = [1 - float(c[0]) / float(c.sum()) if c.sum() > 0 else 0.0 for c in counts]
            skip = max(1, next((i for i, share in enumerate(shares) if share > _SKIP_SHARE), 1))
            skip = min(skip, _TRELLIS_FROM)
        else:
            counts[NUM_SCALES:] = counted[NUM_SCALES:]
        report(
            f"tables fitted, round {number + 1}, {choice}: {bits / pixels:.4f} bpp before, "
            f"scale indices below {skip} are not coded"
        )
    return table_tensors(counts, skip, _TRELLIS_FROM, _PRIOR_COUNT)


def count_symbols(counts: list[Tensor], symbols: np.ndarray, tables: np.ndarray) -> None:
    """Add one batch's symbols (n,) with their tables (n,) to the counts, in place."""
    size = np.abs(symbols.astype(np.int64))
    for table in np.unique(tables):
        reach = len(counts[table]) - 2
        seen = np.bincount(np.minimum(size[tables == table], reach + 1), minlength=reach + 2)
        counts[table] += torch.from_numpy(seen)


def _measure(
    family: Family, synthesis: Synthesis, valid: Pictures, scale: QualityScale
) -> list[tuple[float, float, float]]:
    """(quality, mean bpp, mean PSNR) of real files of the first validation pictures."""
    points = []
    for index in _RD_INDICES:
        bpps, psnrs = [], []
        for array in valid.arrays[:_RD_PICTURES]:
            num_bytes, decoded = code_picture(array, family, synthesis, index)
            error = np.square(decoded.astype(np.float64) - array).mean()
            bpps.append(8 * num_bytes / (array.shape[0] * array.shape[1]))
            psnrs.append(finite_psnr_of(error))
        mean_bpp, mean_psnr = float(np.mean(bpps)), float(np.mean(psnrs))
        points.append((scale.shown(index), round(mean_bpp, 4), round(mean_psnr, 3)))
    return points


def prior_kmac_per_px(network: CodecNetwork) -> float:
    """Thousands of multiply-accumulates per pixel of the prior, all levels."""
    total = 0.0
    for level, name in NET_OF_LEVEL.items():
        weights = sum(
            p.numel()
            for k, p in network.prior.nets[name].named_parameters()
            if k.endswith("weight")
        )
        total += weights / (fold_of(level) << level) ** 2
    return total / 1000


def write_release(release: Release, folder: Path, *, write_family: bool) -> None:
    """Write family.safetensors (if asked) and synthesis-<profile>.safetensors with metadata."""
    make_folder(folder)
    if write_family:
        analysis = {ANALYSIS_PREFIX + k: v for k, v in release.analysis_tensors.items()}
        save_weights(
            folder / "family.safetensors",
            release.family_tensors | analysis,
            {
                "fingerprint": fingerprint_of(arrays_of(release.family_tensors)),
                "config": family_to_json(release.family_config),
                "kmac_per_px": f"{release.kmac_per_px[1]:.2f}",
                "tune": release.tune,
                **(
                    {"quality_points": scale_to_json(release.scale)}
                    if release.scale.points != EVEN
                    else {}
                ),
            },
        )
    save_weights(
        folder / f"synthesis-{release.profile}.safetensors",
        release.synthesis_tensors,
        {
            "fingerprint": fingerprint_of(arrays_of(release.synthesis_tensors)),
            "config": synthesis_to_json(release.synthesis_config),
            "kmac_per_px": f"{release.kmac_per_px[0]:.2f}",
            "rd": json.dumps(release.rd),
        },
    )
