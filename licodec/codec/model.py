"""Profile in, networks and tables ready to code out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from licodec.config import (
    MAX_QUALITY_INDEX,
    CorrectionConfig,
    FamilyConfig,
    family_from_json,
    synthesis_from_json,
)
from licodec.entropy.tables import Tables, load_tables
from licodec.errors import ModelError
from licodec.prior.integer import IntegerPrior
from licodec.profiles import ProfileInfo, read_metadata
from licodec.quantize.states import TRELLISES, Chains
from licodec.transform.correction import Correction
from licodec.transform.quality import knot_weights, log_steps_start

ANALYSIS_PREFIX = "analysis."


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
    trellis_from: int | None = None  # smallest scale index in chains; None: no tables for them

    def chains_of(self, quantizer: str) -> Chains | None:
        """What a quantizer (key of QUANTIZER_IDS) has in chains; None for rounding.

        Raises:
            ModelError: the family has no tables for trellis-coded quantization.
        """
        trellis = TRELLISES.get(quantizer)
        if trellis is None:
            return None
        if self.trellis_from is None:
            raise ModelError(
                f"this latent family has no tables for quantizer {quantizer}; use rounding"
            )
        return Chains(trellis, self.trellis_from)


@dataclass(frozen=True)
class Synthesis:
    """One profile's synthesis correction."""

    fingerprint: bytes  # 2 bytes
    correction: Correction


def fingerprint_of(tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, types, shapes and values, in name order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].contiguous().numpy()
        array = array.astype(array.dtype.newbyteorder("<"))
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(info_path: str, tensors_of: Mapping[str, Tensor], expected: str) -> None:
    found = fingerprint_of(tensors_of)
    if found != expected:
        raise ModelError(
            f"{info_path}: weights have fingerprint {found[:8]}, {expected[:8]} is stated; "
            "reinstall licodec"
        )


def _load(path: str) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: weights cannot be read ({error}); reinstall licodec") from error


def _correction(
    tensors: Mapping[str, Tensor], shape: CorrectionConfig, num_knots: int, path: str
) -> Correction:
    net = Correction(**asdict(shape), num_knots=num_knots)
    try:
        net.load_state_dict({k: v.float() for k, v in tensors.items()})
    except RuntimeError as error:
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
    metadata, tensors = read_metadata(family_path), _load(path)
    analysis = {
        k.removeprefix(ANALYSIS_PREFIX): tensors.pop(k)
        for k in list(tensors)
        if k.startswith(ANALYSIS_PREFIX)
    }
    _read(path, tensors, metadata["fingerprint"])
    config = family_from_json(metadata["config"])
    try:
        tables = load_tables(
            tensors["table_halves"].numpy(),
            tensors["table_reaches"].numpy().astype(np.int64),
            int(tensors["skip_below"][0]),
        )
        detail, low = tensors["detail_steps_q4"], tensors["low_steps_q4"]
        trellis_from = int(tensors["trellis_from"][0]) if "trellis_from" in tensors else None
    except KeyError as error:
        raise ModelError(f"{path}: weights lack tensor {error}; reinstall licodec") from error
    return Family(
        config,
        bytes.fromhex(metadata["fingerprint"])[:4],
        IntegerPrior(tensors, carrier),
        tables,
        detail,
        low,
        _correction(analysis, config.analysis, config.num_knots, path),
        trellis_from,
    )


def load_synthesis(info: ProfileInfo, config: FamilyConfig) -> Synthesis:
    """Load and check one synthesis of a family.

    Raises:
        ModelError: damaged weights.
    """
    path = str(info.synthesis_path)
    metadata, tensors = read_metadata(info.synthesis_path), _load(path)
    _read(path, tensors, metadata["fingerprint"])
    shape = synthesis_from_json(metadata["config"])
    net = _correction(tensors, shape, config.num_knots, path)
    return Synthesis(info.synthesis_fingerprint, net)


def quality_inputs(config: FamilyConfig, quality_index: int) -> tuple[Tensor, Tensor]:
    """Knot weights (1, knots) and orthonormal step (1,) in grey levels, which corrections see."""
    position = torch.tensor([quality_index / MAX_QUALITY_INDEX])
    weights = knot_weights(position, config.num_knots)
    lambdas = torch.logspace(
        np.log10(config.lambda_min), np.log10(config.lambda_max), config.num_knots
    )
    return weights, torch.exp(weights @ log_steps_start(lambdas))
