"""Training state to a file and back; a kill at any moment leaves the last whole file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from licodec.config import CorrectionConfig, FamilyConfig, family_from_json, synthesis_from_json
from licodec.errors import TrainingError

CHECKPOINT_FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: a temporary file in the same folder, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    torch.save({"format": CHECKPOINT_FORMAT, **state}, temporary)
    os.replace(temporary, path)


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
    """Shapes that a checkpoint was trained with."""
    state = load_checkpoint(path)
    return family_from_json(state["family"]), synthesis_from_json(state["synthesis"])


def checkpoint_tune(path: Path) -> str:
    """The tune of a checkpoint's family; those that do not name it are of squared error."""
    return str(load_checkpoint(path).get("tune", "psnr"))


def load_weights(
    network: nn.Module, state: dict[str, Tensor], *, with_synthesis: bool
) -> list[str]:
    """Load every tensor whose name and shape fit, the synthesis' only if asked.

    Returns:
        names of the asked-for tensors that were left as they are.
    """
    own = network.state_dict()
    asked = [k for k in own if with_synthesis or not k.startswith("synthesis.")]
    fitting = {k: state[k] for k in asked if k in state and own[k].shape == state[k].shape}
    network.load_state_dict(fitting, strict=False)
    return sorted(set(asked) - set(fitting))


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
