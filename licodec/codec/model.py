"""Profile in, networks and tables ready to code out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from licodec.coding.step import StepRule
from licodec.coding.trellis import TRELLISES, Chains
from licodec.config import (
    MAX_QUALITY_INDEX,
    CorrectionConfig,
    FamilyConfig,
    family_from_json,
    synthesis_from_json,
)
from licodec.entropy.tables import Tables, coding_bound, load_tables
from licodec.errors import ModelError
from licodec.metrics.distortion import DISTORTIONS
from licodec.prior.integer import IntegerPrior
from licodec.profiles import ProfileInfo, read_metadata
from licodec.transform.correction import Correction
from licodec.transform.integer import IntegerSynthesis
from licodec.transform.quality import knot_weights, log_steps_start

ANALYSIS_PREFIX = "analysis."

_Config = TypeVar("_Config", FamilyConfig, CorrectionConfig)


@dataclass(frozen=True)
class Family:
    """What turns planes into symbols and back; the same on every machine but for the analysis."""

    config: FamilyConfig
    fingerprint: bytes  # 4 bytes
    prior: IntegerPrior
    tables: Tables
    detail_steps_q4: Tensor  # (256, 6, 9) int32, 1/1024 grey level
    low_steps_q4: Tensor  # (256, 3) int32
    analysis: Correction
    trellis_from: int  # smallest scale index in chains
    tune: str = "psnr"  # key of DISTORTIONS: what encoders minimise beside the rate

    def rule(self, quantizer: str, *, is_all_coded: bool) -> StepRule:
        """How a file codes that names this quantizer (key of QUANTIZER_IDS); both are in it."""
        trellis = TRELLISES.get(quantizer)
        chains = None if trellis is None else Chains(trellis, self.trellis_from)
        bound = coding_bound(self.tables, is_all_coded=is_all_coded)
        return StepRule(bound, chains, self.tables.shift_table)


@dataclass(frozen=True)
class Synthesis:
    """One profile's synthesis correction."""

    fingerprint: bytes  # 2 bytes
    correction: IntegerSynthesis


def fingerprint_of(tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, types, shapes and values, in name order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].contiguous().numpy()
        array = array.astype(array.dtype.newbyteorder("<"))
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _check(path: str, tensors: Mapping[str, Tensor], expected: str) -> None:
    found = fingerprint_of(tensors)
    if found != expected:
        raise ModelError(
            f"{path}: weights have fingerprint {found[:8]}, {expected[:8]} is stated; "
            "reinstall licodec"
        )


def _described(path: Path, from_json: Callable[[str], _Config]) -> tuple[str, _Config]:
    """Fingerprint and shape that a file of weights states."""
    metadata = read_metadata(path)
    try:
        return metadata["fingerprint"], from_json(metadata["config"])
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: incomplete description; reinstall licodec") from error


def _load(path: str) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: weights cannot be read ({error}); reinstall licodec") from error


def _correction(
    tensors: Mapping[str, Tensor], shape: CorrectionConfig, num_knots: int, path: str
) -> Correction:
    try:
        net = Correction(**asdict(shape), num_knots=num_knots).float()  # whatever the default is
        net.load_state_dict({k: v.float() for k, v in tensors.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: weights do not have the shape that they state") from error
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load_family(info: ProfileInfo, carrier: torch.dtype | None = None) -> Family:
    """Load and check a latent family.

    Args:
        info: of any profile of the family.
        carrier: of the integer prior, see `IntegerPrior`.

    Raises:
        ModelError: damaged weights, or bounds that do not hold.
    """
    return read_family(info.family_path, carrier)


def read_family(family_path: Path, carrier: torch.dtype | None = None) -> Family:
    """Load and check a family.safetensors. Arguments and errors as of `load_family`."""
    path = str(family_path)
    fingerprint, config = _described(family_path, family_from_json)
    tensors = _load(path)
    analysis = {
        k.removeprefix(ANALYSIS_PREFIX): tensors.pop(k)
        for k in list(tensors)
        if k.startswith(ANALYSIS_PREFIX)
    }
    _check(path, tensors, fingerprint)
    try:
        tables = load_tables(
            tensors["table_halves"].numpy(),
            tensors["table_reaches"].numpy().astype(np.int64),
            int(tensors["skip_below"][0]),
        )
        detail, low = tensors["detail_steps_q4"], tensors["low_steps_q4"]
        trellis_from = int(tensors["trellis_from"][0])
    except KeyError as error:
        raise ModelError(f"{path}: weights lack tensor {error}; reinstall licodec") from error
    return Family(
        config,
        bytes.fromhex(fingerprint)[:4],
        IntegerPrior(tensors, carrier),
        tables,
        detail,
        low,
        _correction(analysis, config.analysis, config.num_knots, path),
        trellis_from,
        _tune_of(family_path),
    )


def _tune_of(family_path: Path) -> str:
    """What a released family is tuned to.

    Raises:
        ModelError: this version does not know it.
    """
    tune = read_metadata(family_path).get("tune", "psnr")
    if tune not in DISTORTIONS:
        raise ModelError(f"{family_path}: tuned to {tune!r}, which this version does not know")
    return tune


def load_synthesis(info: ProfileInfo, config: FamilyConfig) -> Synthesis:
    """Load and check one synthesis of a family.

    Raises:
        ModelError: damaged weights.
    """
    path = str(info.synthesis_path)
    fingerprint, shape = _described(info.synthesis_path, synthesis_from_json)
    tensors = _load(path)
    _check(path, tensors, fingerprint)
    try:
        form = IntegerSynthesis({k: v.numpy() for k, v in tensors.items()}, shape)
    except KeyError as error:
        raise ModelError(f"{path}: weights lack tensor {error}; reinstall licodec") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}; reinstall licodec") from error
    return Synthesis(info.synthesis_fingerprint, form)


def quality_inputs(config: FamilyConfig, quality_index: int) -> tuple[Tensor, Tensor]:
    """Knot weights (1, knots) and orthonormal step (1,) in grey levels, which corrections see.

    Both float32.
    """
    position = torch.tensor([quality_index / MAX_QUALITY_INDEX], dtype=torch.float32)
    weights = knot_weights(position, config.num_knots)
    ends = np.log10(config.lambda_min), np.log10(config.lambda_max)
    lambdas = torch.logspace(*ends, config.num_knots, dtype=torch.float32)
    return weights, torch.exp(weights @ log_steps_start(lambdas))
