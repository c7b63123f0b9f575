"""Loads what a profile codes with: its family's networks and tables, and its synthesis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from licodec.coding.step import StepRule
from licodec.coding.trellis import TRELLISES, Chains
from licodec.config import (
    MAX_QUALITY_INDEX,
    TUNES,
    CorrectionConfig,
    FamilyConfig,
    family_from_json,
    synthesis_from_json,
)
from licodec.entropy.tables import NUM_SCALES, NUM_TABLES, Tables, coding_bound, load_tables
from licodec.errors import ModelError
from licodec.prior.coding_prior import CodingPrior
from licodec.prior.load import load_prior
from licodec.profiles import ProfileInfo, read_metadata
from licodec.transform.integer import IntegerSynthesis
from licodec.transform.quality import knot_lambdas, knot_weights, log_steps_start
from licodec.transform.weights import CorrectionWeights

ANALYSIS_PREFIX = "analysis."

_Config = TypeVar("_Config", FamilyConfig, CorrectionConfig)


@dataclass(frozen=True)
class Family:
    """What turns pixels into symbols and back; the same on every machine."""

    config: FamilyConfig
    fingerprint: bytes  # 4 bytes
    prior: CodingPrior
    tables: Tables
    tensors: Mapping[str, np.ndarray]  # integers by name: all that symbols depend on
    analysis: CorrectionWeights
    trellis_from: int  # smallest scale index in chains, at least that of what is coded
    tune: str = "psnr"  # what encoders minimise beside the rate

    @property
    def detail_steps_q4(self) -> np.ndarray:
        """(256, 6, 9) int32, 1/1024 grey level."""
        return self.tensors["detail_steps_q4"]

    @property
    def low_steps_q4(self) -> np.ndarray:
        """(256, 3) int32, 1/1024 grey level."""
        return self.tensors["low_steps_q4"]

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


def fingerprint_of(tensors: Mapping[str, np.ndarray]) -> str:
    """Hex SHA-256 over names, types, shapes and values, in name order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _check(path: str, tensors: Mapping[str, np.ndarray], expected: str) -> None:
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


def _load(path: str) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: weights cannot be read ({error}); reinstall licodec") from error


def load_family(info: ProfileInfo) -> Family:
    """Load and check a latent family.

    Args:
        info: of any profile of the family.

    Raises:
        ModelError: damaged weights, or bounds that do not hold.
    """
    return read_family(info.family_path)


def read_family(family_path: Path) -> Family:
    """Load and check a family.safetensors. Arguments and errors as of `load_family`."""
    path = str(family_path)
    fingerprint, config = _described(family_path, family_from_json)
    tensors = _load(path)
    analysis = {
        k.removeprefix(ANALYSIS_PREFIX): tensors.pop(k).astype(np.float32)
        for k in list(tensors)
        if k.startswith(ANALYSIS_PREFIX)
    }
    _check(path, tensors, fingerprint)
    weights = CorrectionWeights(config.analysis, config.num_knots, analysis, path)
    family = family_of_tensors(tensors, config, weights, path)
    return replace(family, fingerprint=bytes.fromhex(fingerprint)[:4], tune=_tune_of(family_path))


def family_of_tensors(
    tensors: Mapping[str, np.ndarray],
    config: FamilyConfig,
    analysis: CorrectionWeights,
    path: str = "weights",
) -> Family:
    """A family without a fingerprint, for squared errors.

    Args:
        tensors: integers by name.
        config: its shape.
        analysis: correction before the wavelet.
        path: where the tensors come from, for messages.

    Raises:
        ModelError: a tensor is missing, or bounds do not hold.
    """
    try:
        tables = load_tables(
            tensors["table_halves"],
            tensors["table_reaches"].astype(np.int64),
            int(tensors["skip_below"][0]),
        )
        trellis_from = int(tensors["trellis_from"][0])
    except KeyError as error:
        raise ModelError(f"{path}: weights lack tensor {error}; reinstall licodec") from error
    if tables.shift_table != NUM_TABLES or not tables.skip_below <= trellis_from < NUM_SCALES:
        raise ModelError(
            f"{path}: {tables.shift_table} tables, skip_below {tables.skip_below} and trellis_from "
            f"{trellis_from}, expected {NUM_TABLES} and ascending indices below {NUM_SCALES}; "
            "reinstall licodec"
        )
    return Family(config, bytes(4), load_prior(tensors), tables, tensors, analysis, trellis_from)


def _tune_of(family_path: Path) -> str:
    """What a released family is tuned to.

    Raises:
        ModelError: this version does not know it.
    """
    tune = read_metadata(family_path).get("tune", "psnr")
    if tune not in TUNES:
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
        form = IntegerSynthesis(tensors, shape)
    except KeyError as error:
        raise ModelError(f"{path}: weights lack tensor {error}; reinstall licodec") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}; reinstall licodec") from error
    return Synthesis(info.synthesis_fingerprint, form)


def quality_position(quality_index: int) -> np.ndarray:
    """(1,) float64 in [0, 1]."""
    return np.array([quality_index / MAX_QUALITY_INDEX])


def quality_inputs(config: FamilyConfig, quality_index: int) -> tuple[np.ndarray, np.ndarray]:
    """Knot weights (1, knots) and orthonormal step (1,) in grey levels, which corrections see.

    Both float32.
    """
    weights = knot_weights(quality_position(quality_index), config.num_knots)
    step_px = np.exp(weights @ log_steps_start(knot_lambdas(config)))
    return weights.astype(np.float32), step_px.astype(np.float32)
