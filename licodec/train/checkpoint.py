"""Training state to a file and back; a kill at any moment leaves the last whole file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from licodec.config import CorrectionConfig, FamilyConfig, family_from_json, synthesis_from_json
from licodec.errors import TrainingError
from licodec.files import make_folder, write_file
from licodec.image.faults import one_line

CHECKPOINT_FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, and its folder; one that is there stays until the new one is whole.

    Raises:
        LicodecError: the system refuses, such as on a full disk.
    """
    whole = io.BytesIO()  # torch names no cause of a write that fails
    torch.save({"format": CHECKPOINT_FORMAT, **state}, whole)
    make_folder(path.parent)
    write_file(path, whole.getvalue(), replace=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; tensors only, nothing in the file is executed.

    Raises:
        TrainingError: missing, damaged, or of another format.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: no such checkpoint") from error
    except Exception as error:  # torch raises many kinds for damaged files, with long advice
        raise TrainingError(f"{path}: not a readable checkpoint; name another one") from error
    if not isinstance(state, dict) or state.get("format") != CHECKPOINT_FORMAT:
        raise TrainingError(f"{path}: not a licodec training checkpoint of this version")
    return state


def checkpoint_configs(path: Path) -> tuple[FamilyConfig, CorrectionConfig]:
    """Shapes that a checkpoint was trained with; arguments and errors as of `configs_of`."""
    return configs_of(path, load_checkpoint(path))


def configs_of(path: Path, state: Mapping[str, Any]) -> tuple[FamilyConfig, CorrectionConfig]:
    """Shapes of the networks in a checkpoint's state.

    Args:
        path: of the checkpoint, for the message.
        state: from `load_checkpoint`.

    Raises:
        TrainingError: shapes that this version does not know.
    """
    try:
        return family_from_json(state["family"]), synthesis_from_json(state["synthesis"])
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{path}: networks of another version of licodec ({one_line(error)}); name another one"
        ) from error


def checkpoint_tune(path: Path) -> str:
    """The tune of a checkpoint's family; those that do not name it are of squared error."""
    return str(load_checkpoint(path).get("tune", "psnr"))


def slim_checkpoint(state: dict[str, Any], *, is_half: bool = False) -> dict[str, Any]:
    """A run's state without what only the very same run would need.

    Resuming from it starts a new schedule from the averaged weights.

    Args:
        state: from `load_checkpoint`.
        is_half: store the synthesis as float16, which releases round it to; the rest of the family
            stays as it is, because its integers must not change.
    """
    kept = {k: v for k, v in state.items() if k not in ("format", "network", "optimizer")}
    if is_half:
        kept["ema"] = {
            k: v.half() if k.startswith("synthesis.") else v for k, v in state["ema"].items()
        }
    return {**kept, "elapsed_s": state["time_limit_s"]}
