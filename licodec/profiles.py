"""Finds installed weights by the names of profiles; reads only headers, imports no torch.

models/<family>/family.safetensors            analysis, steps, prior, tables: what symbols depend on
models/<family>/synthesis-<profile>.safetensors   one synthesis of that family
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from licodec.config import DEFAULT_TUNE, FAMILY_IDS, PROFILE_IDS, family_of
from licodec.errors import ModelError
from licodec.quality_scale import QualityScale, scale_from_json

_DEFAULT_FAMILY = family_of(DEFAULT_TUNE)
_MAX_HEADER_BYTES = 1 << 22  # headers here have some 20 kB; more is damage
_METADATA = "__metadata__"  # key among the names of tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileInfo:
    """What is known of an installed profile without loading it.

    Attributes:
        file_bytes: family and synthesis together.
        kmac_per_px: thousands of multiply-accumulates per pixel to decode: synthesis, then prior.
        rd: (quality, bpp, PSNR in dB) means on the validation pictures, from real files.
    """

    name: str
    family: str
    family_path: Path
    synthesis_path: Path
    family_fingerprint: bytes
    synthesis_fingerprint: bytes
    file_bytes: int
    kmac_per_px: tuple[float, float]
    rd: tuple[tuple[float, float, float], ...]


def find_models_dir() -> Path:
    """Folder of the released weights, in an installed wheel or in a checkout.

    Raises:
        ModelError: neither is there.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "models", package.parent / "models"):
        if folder.is_dir():
            return folder
    raise ModelError(f"no models folder in {package} or beside it; reinstall licodec")


def read_metadata(path: Path) -> dict[str, str]:
    """Metadata of a safetensors file.

    Raises:
        ModelError: missing or damaged file.
    """
    try:
        with open(path, "rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(size, _MAX_HEADER_BYTES)))
        metadata = header.pop(_METADATA)
        return {str(k): str(v) for k, v in metadata.items()}
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); reinstall licodec") from error
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a licodec weights file; reinstall licodec") from error


def read_scale(path: Path) -> QualityScale:
    """Scale of qualities of a family.safetensors; the even one if it has none of its own.

    Raises:
        ModelError: missing or damaged file.
    """
    text = read_metadata(path).get("quality_points")
    try:
        return QualityScale() if text is None else scale_from_json(text)
    except ValueError as error:
        raise ModelError(f"{path}: {error}; reinstall licodec") from error


def quality_scale(family: str | None) -> QualityScale:
    """Scale of qualities of a family by name; the even one if it is unknown or not installed.

    Raises:
        ModelError: its file is damaged.
    """
    path = None if family is None else find_models_dir() / family / "family.safetensors"
    return read_scale(path) if path is not None and path.is_file() else QualityScale()


@lru_cache(maxsize=64)
def _installed_profile(name: str, folder: Path) -> ProfileInfo:
    return read_profile(name, folder)


def read_profile(name: str, folder: Path) -> ProfileInfo:
    """One profile of the family in a folder.

    Raises:
        ModelError: its weights are missing or damaged.
    """
    family_path, synthesis_path = (
        folder / "family.safetensors",
        folder / f"synthesis-{name}.safetensors",
    )
    if not synthesis_path.is_file():
        installed = ", ".join(_installed(folder)) or "none"
        raise ModelError(
            f"profile {name!r} of family {folder.name} is not installed (installed: {installed})"
        )
    about_family, about = read_metadata(family_path), read_metadata(synthesis_path)
    try:
        return ProfileInfo(
            name=name,
            family=folder.name,
            family_path=family_path,
            synthesis_path=synthesis_path,
            family_fingerprint=bytes.fromhex(about_family["fingerprint"])[:4],
            synthesis_fingerprint=bytes.fromhex(about["fingerprint"])[:2],
            file_bytes=family_path.stat().st_size + synthesis_path.stat().st_size,
            kmac_per_px=(float(about["kmac_per_px"]), float(about_family["kmac_per_px"])),
            rd=tuple((float(q), float(b), float(p)) for q, b, p in json.loads(about["rd"])),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{synthesis_path}: incomplete description; reinstall licodec") from error


def _installed(folder: Path) -> list[str]:
    names = {p.stem.removeprefix("synthesis-") for p in folder.glob("synthesis-*.safetensors")}
    return sorted(names, key=lambda n: PROFILE_IDS.get(n, 99))


def find_profile(name: str, family: str = _DEFAULT_FAMILY) -> ProfileInfo:
    """Look up one profile.

    Raises:
        ModelError: unknown or not installed; the message names what is.
    """
    if name not in PROFILE_IDS:
        known = ", ".join(_installed(find_models_dir() / family)) or "none"
        raise ModelError(f"unknown profile {name!r}; installed are: {known}")
    return _installed_profile(name, find_models_dir() / family)


def list_profiles(family: str = _DEFAULT_FAMILY) -> tuple[ProfileInfo, ...]:
    """All installed profiles of a family, from the fastest to the best."""
    return tuple(find_profile(name, family) for name in _installed(find_models_dir() / family))


def family_name(family_id: int) -> str | None:
    """Name of a family id, None if this version knows none."""
    return next((name for name, i in FAMILY_IDS.items() if i == family_id), None)


def profile_name(profile_id: int) -> str | None:
    """Name of a profile id, None if this version knows none."""
    return next((name for name, i in PROFILE_IDS.items() if i == profile_id), None)


def find_fingerprint(family_id: int) -> bytes | None:
    """First 4 bytes of an installed family's fingerprint, None if it is not installed.

    Raises:
        ModelError: its file is damaged.
    """
    name = family_name(family_id)
    path = None if name is None else find_models_dir() / name / "family.safetensors"
    if path is None or not path.is_file():
        return None
    try:
        return bytes.fromhex(read_metadata(path)["fingerprint"])[:4]
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path}: incomplete description; reinstall licodec") from error
