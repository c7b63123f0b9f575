"""`Image.verify` tells a sound file from a damaged one without making pixels."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.pillow.conftest import lic_bytes, small_picture


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_sound_file_passes_without_a_synthesis(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = lic_bytes(small_picture(mode))
    monkeypatch.delattr("licodec.api.Codec")
    monkeypatch.delattr("licodec.codec.synthesis.PictureSynthesis")
    Image.open(io.BytesIO(data)).verify()


@pytest.mark.parametrize("where", [-1, -9, 20])
def test_damage_is_an_os_error(lic: bytes, where: int) -> None:
    damaged = bytearray(lic)
    damaged[where] ^= 0x10
    with pytest.raises(OSError), Image.open(io.BytesIO(damaged)) as image:
        image.verify()


def test_alpha_plane_that_is_sound_by_its_checksum_alone_is_an_os_error() -> None:
    from licodec import sections

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sections, "pack_planes", lambda alpha: b"\0" + zlib.compress(b"short"))
        data = lic_bytes(small_picture("RGBA"))
    with pytest.raises(OSError, match="alpha plane"):
        Image.open(io.BytesIO(data)).verify()


def test_file_is_closed_afterwards(lic: bytes, tmp_path: Path) -> None:
    for name, data in (("good.lic", lic), ("bad.lic", lic[:-1])):
        (tmp_path / name).write_bytes(data)
        image = Image.open(tmp_path / name)
        stream = image.fp
        assert stream is not None
        try:
            image.verify()
        except OSError:
            assert name == "bad.lic"
        assert stream.closed


def test_verify_after_load_is_refused(lic: bytes) -> None:
    image = Image.open(io.BytesIO(lic))
    image.load()
    with pytest.raises(RuntimeError, match="directly after open"):
        image.verify()
