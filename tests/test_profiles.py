"""Files of weights that say something else than they should are a ModelError that names them."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from licodec import profiles
from licodec.api import Codec
from licodec.codec.model import ANALYSIS_PREFIX, fingerprint_of, load_synthesis, read_family
from licodec.config import FAMILY_IDS
from licodec.errors import ModelError
from licodec.profiles import find_fingerprint, read_metadata

DESCRIPTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no fingerprint": lambda metadata: metadata.pop("fingerprint"),
    "no config": lambda metadata: metadata.pop("config"),
    "config cut": lambda metadata: metadata.update(config=metadata["config"][:-1]),
    "config without settings": lambda metadata: metadata.update(config="null"),
    "config with another setting": lambda metadata: metadata.update(config='{"sky": 1}'),
}


def change_header(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


@pytest.mark.parametrize("description", DESCRIPTIONS)
@pytest.mark.parametrize("kind", ["family", "synthesis"])
def test_incomplete_description_of_weights_is_refused(
    kind: str, description: str, codec: Codec, tmp_path: Path
) -> None:
    source = codec.info.family_path if kind == "family" else codec.info.synthesis_path
    path = Path(shutil.copy(source, tmp_path))
    change_header(path, lambda header: DESCRIPTIONS[description](header["__metadata__"]))
    with pytest.raises(ModelError, match=rf"{path.name}: incomplete description; reinstall"):
        if kind == "family":
            read_family(path)
        else:
            load_synthesis(replace(codec.info, synthesis_path=path), codec._family.config)


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [
        ("skip_below", 0, "frequency tables do not have the sizes"),  # the padding would be coded
        ("skip_below", 30, "skip_below 30 and trellis_from"),  # in chains, and yet not coded
        ("trellis_from", 64, "trellis_from 64"),
        ("trellis_from", -1, "trellis_from -1"),
    ],
)
def test_indices_that_no_family_codes_from_are_refused(
    name: str, number: int, message: str, codec: Codec, tmp_path: Path
) -> None:
    path = tmp_path / "family.safetensors"
    tensors = load_file(codec.info.family_path)
    tensors[name][0] = number
    kept = {k: v for k, v in tensors.items() if not k.startswith(ANALYSIS_PREFIX)}
    metadata = read_metadata(codec.info.family_path) | {"fingerprint": fingerprint_of(kept)}
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(ModelError, match=message):
        read_family(path)


@pytest.mark.parametrize(
    "text", ["null", "[]", "7", "{}", '{"__metadata__": null}', '{"__metadata__": []}', "{", ""]
)
def test_file_without_metadata_is_no_file_of_weights(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode())
    with pytest.raises(ModelError, match="not a licodec weights file; reinstall"):
        read_metadata(path)


@pytest.mark.parametrize("metadata", [{}, {"fingerprint": "no digits"}])
def test_installed_family_without_a_fingerprint_is_refused(
    metadata: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "find_models_dir", lambda: tmp_path)
    text = json.dumps({"__metadata__": metadata}).encode()
    (tmp_path / "psnr4").mkdir()
    path = tmp_path / "psnr4" / "family.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ModelError, match="incomplete description; reinstall"):
        find_fingerprint(FAMILY_IDS["psnr4"])


def test_family_that_is_unknown_or_not_installed_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "find_models_dir", lambda: tmp_path)
    assert find_fingerprint(31) is None
    assert find_fingerprint(FAMILY_IDS["psnr4"]) is None
