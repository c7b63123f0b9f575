"""Opens the native library and says what its functions take; see src/licodec.h."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_float, c_int, c_int32, c_int64, c_uint8, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from licodec.errors import CorruptFileError, LicodecError

# As in src/licodec.h.
ABI = 7
WIDE = 1
_NO_MEMORY = -2
_CORRUPT = -3


class TrunkTask(ctypes.Structure):
    """`lc_trunk_task`."""

    _fields_ = (
        ("first", c_void_p),
        ("blocks", POINTER(c_void_p)),
        *((name, c_int32) for name in ("num_blocks", "fold", "height", "width", "top", "bottom")),
        *((name, c_int32) for name in ("coarser_height", "coarser_width")),
        *((name, c_void_p) for name in ("quality_bias", "low", "reciprocal", "compand")),
        *((name, c_void_p) for name in ("parents", "coarser", "trunk")),
    )


class HeadTask(ctypes.Structure):
    """`lc_head_task`."""

    _fields_ = (
        *((name, c_void_p) for name in ("in", "mix", "out")),
        *((name, c_int32) for name in ("num_known", "num_channels", "height", "width")),
        *((name, c_int32) for name in ("top", "bottom", "unit_shift", "mean_bytes")),
        *((name, c_void_p) for name in ("trunk", "hidden", "known", "unit", "offset", "mean")),
        ("index", c_void_p),
    )


class ValuesTask(ctypes.Structure):
    """`lc_values_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("num_channels", "fold", "height", "width", "top", "bottom")),
        *((name, c_int32) for name in ("mean_bytes", "offset_bytes", "value_bytes")),
        *((name, c_int32) for name in ("offset_shift", "eighths_shift")),
        *((name, c_void_p) for name in ("channels", "mean", "offsets", "compand")),
        *((name, c_void_p) for name in ("values", "companded", "parents")),
    )


class WaveletTask(ctypes.Structure):
    """`lc_wavelet_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("height", "width", "top", "bottom", "left", "right")),
        *((name, c_int32) for name in ("value_bytes", "shift")),
        ("plane_stride", c_int64),
        *((name, c_void_p) for name in ("low", "values", "steps", "planes")),
    )


class SplitTask(ctypes.Structure):
    """`lc_split_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("height", "width", "top", "bottom")),
        ("stride", c_int64),
        *((name, c_void_p) for name in ("plane", "low", "details")),
    )


class PaddingTask(ctypes.Structure):
    """`lc_padding_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("rows", "columns", "height", "width", "num_levels")),
        *((name, c_void_p) for name in ("norms", "plane", "slope")),
    )


class VisualTask(ctypes.Structure):
    """`lc_visual_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("height", "width", "is_halved", "num_scales")),
        *((name, c_int64) for name in ("plane_stride", "stride")),
        *((name, c_float) for name in ("opsin_bias", "middle", "structure_floor", "least_norm")),
        *((name, c_void_p) for name in ("opsin", "kernel", "weights", "original", "shown")),
        ("slope", c_void_p),
    )


class BlurTask(ctypes.Structure):
    """`lc_blur_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("height", "width", "num_taps")),
        *((name, c_int32) for name in ("is_renormalised", "is_adjoint")),
        *((name, c_void_p) for name in ("kernel", "plane", "blurred")),
    )


class LineOf(ctypes.Structure):
    """`lc_line`."""

    _fields_ = (
        ("num_pairs", c_int32),
        ("down", c_int32 * 4),
        ("right", c_int32 * 4),
        ("weight", c_float),
    )


class LinesTask(ctypes.Structure):
    """`lc_lines_task`."""

    _fields_ = (
        *((name, c_int32) for name in ("height", "width", "num_lines")),
        ("lines", POINTER(LineOf)),
        *((name, c_void_p) for name in ("padded", "energy", "pull", "slope")),
    )


class Network(ctypes.Structure):
    """`lc_network`."""

    _fields_ = (
        *((name, c_int32) for name in ("patch_px", "num_blocks", "width", "is_words")),
        *((name, POINTER(c_void_p)) for name in ("weights", "shift", "factor", "byte_factor")),
        ("zero", POINTER(c_void_p)),
    )


class NetworkAt(ctypes.Structure):
    """`lc_network_at`."""

    _fields_ = (
        ("bias", POINTER(c_void_p)),
        *((name, c_void_p) for name in ("last_weight", "last_bias")),
        ("last_shift", c_int32),
    )


class Window(ctypes.Structure):
    """`lc_window`."""

    _fields_ = (
        *((name, c_int32) for name in ("height", "width", "top", "bottom", "left", "right")),
        ("is_grey", c_int32),
        ("pixel_stride", c_int64),
        *((name, c_void_p) for name in ("pixels", "planes", "seen")),
    )


class ChainsOf(ctypes.Structure):
    """`lc_chains`."""

    _fields_ = (
        ("first_index", c_int32),
        ("num_states", c_int32),
        ("quantizer", c_uint8 * 256),
        ("next", c_uint8 * 512),
    )

    @classmethod
    def of(cls, chains: tuple[int, np.ndarray, np.ndarray] | None) -> ChainsOf:
        """Smallest scale index in chains, quantizers (S,) and next states (S, 2); or none."""
        made = cls()
        if chains is not None:
            first_index, quantizer, following = chains
            made.first_index, made.num_states = first_index, len(quantizer)
            made.quantizer[: len(quantizer)] = quantizer.tolist()
            made.next[: 2 * len(quantizer)] = following.ravel().tolist()
        return made


class ChoiceTask(ctypes.Structure):
    """`lc_choice_task`."""

    _fields_ = (
        ("kind", c_int32),
        ("num_channels", c_int32),
        ("per_channel", c_int64),
        *((name, c_int32) for name in ("mean_bytes", "skip_below", "num_tables")),
        ("mean_unit", c_float),
        ("squared_step_bits", c_float),
        *((name, c_void_p) for name in ("values", "mean", "index", "weight", "first_zone")),
        *((name, c_void_p) for name in ("higher_zone", "bits")),
        ("chains", POINTER(ChainsOf)),
        *((name, c_void_p) for name in ("offsets", "symbols", "numbers")),
    )


_SIGNATURES: dict[str, tuple[Any, Sequence[Any]]] = {
    "lc_abi": (c_int32, ()),
    "lc_level_name": (ctypes.c_char_p, (c_int32,)),
    "lc_has_level": (c_int, (c_int32,)),
    "lc_layer_new": (
        c_void_p,
        (*(c_int32,) * 3, *(c_void_p,) * 2, POINTER(c_void_p), *(c_void_p,) * 2, c_int32),
    ),
    "lc_layer_free": (None, (c_void_p,)),
    "lc_map_bytes": (c_int64, (c_int32,) * 3),
    "lc_trunk": (c_int, (POINTER(TrunkTask),)),
    "lc_head": (c_int, (POINTER(HeadTask),)),
    "lc_put_values": (c_int, (c_int32, POINTER(ValuesTask))),
    "lc_synthesise": (c_int, (c_int32, POINTER(WaveletTask))),
    "lc_split": (c_int, (c_int32, POINTER(SplitTask))),
    "lc_padding_slope": (c_int, (c_int32, POINTER(PaddingTask))),
    "lc_visual": (c_int, (c_int32, POINTER(VisualTask), c_void_p)),
    "lc_blur": (c_int, (c_int32, POINTER(BlurTask))),
    "lc_lines": (c_int, (c_int32, POINTER(LinesTask))),
    "lc_synthesis_new": (c_void_p, (c_int32, POINTER(Network), c_int32)),
    "lc_synthesis_free": (None, (c_void_p,)),
    "lc_corrector_new": (c_void_p, (c_void_p, POINTER(NetworkAt), POINTER(Window))),
    "lc_corrector_free": (None, (c_void_p,)),
    "lc_corrector_push": (c_int, (c_void_p, c_void_p, c_int64, c_int32)),
    "lc_choose_step": (c_int64, (c_int32, POINTER(ChoiceTask), c_void_p)),
    "lc_count_magnitudes": (
        c_int,
        (c_int32, POINTER(ChoiceTask), c_int64, c_int64, c_int32, c_void_p),
    ),
    "lc_tables_new": (c_void_p, (c_void_p, c_int64, c_void_p, c_int32)),
    "lc_tables_free": (None, (c_void_p,)),
    "lc_decoder_new": (c_void_p, (c_void_p, c_int64, c_void_p)),
    "lc_decoder_free": (None, (c_void_p,)),
    "lc_decoder_is_done": (c_int, (c_void_p,)),
    "lc_decode_batch": (c_int, (c_void_p, c_int32, c_int64, c_void_p)),
    "lc_decode_shifts": (c_int64, (c_void_p, c_void_p, c_int32, c_int64, c_int32, c_void_p)),
    "lc_decode_step": (
        c_int64,
        (c_void_p, c_void_p, c_int64, c_int32, POINTER(ChainsOf), c_void_p, c_void_p),
    ),
    "lc_encode": (
        c_int64,
        (c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_int64, c_void_p, c_int64),
    ),
}


@dataclass(frozen=True)
class Library:
    """An open library with the instruction set that it is to use.

    Attributes:
        path: of the file.
        isa: name of the instruction set.
        level: its number.
        calls: the functions; they release the interpreter's lock.
    """

    path: Path
    isa: str
    level: int
    calls: Any


def open_library(path: Path, isa: str | None = None) -> Library:
    """Open a library.

    Args:
        path: of the file.
        isa: instruction set; None takes the best that this CPU has.

    Raises:
        LicodecError: it cannot be loaded, or lacks the instruction set, or this CPU does.
    """
    try:
        calls = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(calls, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise LicodecError(
            f"{path}: native library cannot be loaded ({error}); reinstall licodec"
        ) from error
    if calls.lc_abi() != ABI:
        raise LicodecError(
            f"{path}: native library of another version of licodec; reinstall licodec, or run "
            "`make native` in its sources"
        )
    usable = _usable_levels(calls)
    if isa is not None and isa not in usable:
        raise LicodecError(
            f"instruction set {isa!r} cannot be used here, expected one of {', '.join(usable)}; "
            "set LICODEC_ISA to one of these or unset it"
        )
    name = isa or list(usable)[-1]
    return Library(path, name, usable[name], calls)


def usable_sets(library: Library) -> list[str]:
    """Instruction sets of a library that this CPU has, slowest first."""
    return list(_usable_levels(library.calls))


def _usable_levels(calls: Any) -> dict[str, int]:
    """Numbers of the instruction sets that this CPU has, slowest first."""
    names: list[str] = []
    while (name := calls.lc_level_name(len(names))) is not None:
        names.append(name.decode())
    return {name: level for level, name in enumerate(names) if calls.lc_has_level(level)}


def check(code: int) -> int:
    """What a function returned, where that is no error.

    Raises:
        CorruptFileError: a symbol that no encoder writes.
        MemoryError: there is not enough.
        ValueError: an argument that the function refuses.
    """
    if code >= 0:
        return code
    if code == _CORRUPT:
        raise CorruptFileError(
            "payload has a symbol that no encoder writes; copy or download the file again"
        )
    if code == _NO_MEMORY:
        raise MemoryError
    raise ValueError("the native library refuses its arguments")


def address(array: np.ndarray, dtype: type, shape: Sequence[int]) -> int:
    """Where an array's numbers lie.

    Raises:
        ValueError: it has another type or shape, or is not contiguous.
    """
    if array.dtype != dtype or array.shape != tuple(shape) or not array.flags.c_contiguous:
        raise ValueError(
            f"array is {array.dtype} {array.shape}, expected contiguous {np.dtype(dtype)} "
            f"{tuple(shape)}"
        )
    return array.ctypes.data
