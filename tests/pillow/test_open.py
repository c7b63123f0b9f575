"""`Image.open` of .lic files: what the front tells, when pixels are decoded, Pillow's habits."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, UnidentifiedImageError

import licodec
import licodec.pillow
from licodec.config import DEFAULT_TUNE
from licodec.pillow import LicImageFile, register
from tests.pillow.conftest import PROFILE, lic_bytes, small_picture


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_size_and_mode_are_known_before_pixels_and_pixels_are_those_of_decode(mode: str) -> None:
    data = lic_bytes(small_picture(mode))
    image = Image.open(io.BytesIO(data))
    assert isinstance(image, LicImageFile)
    assert (image.format, image.mode, image.size) == ("LIC", mode, (37, 21))
    assert image.tile  # not decoded yet
    expected = licodec.decode(data)
    assert (expected.mode, expected.tobytes()) == (mode, image.tobytes())


@pytest.mark.parametrize("size", [(1, 1), (1, 65), (130, 3)])
def test_any_size_opens(size: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(lic_bytes(small_picture(size=size))))
    assert np.asarray(image).shape == (size[1], size[0], 3)


def test_info_has_metadata_quality_and_profile(lic: bytes) -> None:
    image = Image.open(io.BytesIO(lic))
    assert image.info["quality"] == pytest.approx(40, abs=0.3)
    assert image.info["profile"] == "balanced"
    assert (image.info["icc_profile"], image.info["xmp"]) == (PROFILE, b"<x/>")
    assert image.getexif()[0x010F] == "Camera maker"
    assert image.info["exif"].startswith(b"Exif\0\0")


def test_file_without_metadata_has_none() -> None:
    assert Image.open(io.BytesIO(lic_bytes(small_picture()))).info.keys() == {
        "quality",
        "profile",
        "tune",
    }


def test_opening_imports_neither_torch_nor_numpy(lic: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.lic").write_bytes(lic)
    code = (
        "import sys, licodec.pillow; from PIL import Image; image = Image.open(sys.argv[1]); "
        "print(image.size, image.mode); print(*{'torch', 'numpy'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.lic"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "(37, 21) RGB\n\n"


def test_opening_reads_the_front_only() -> None:
    data = lic_bytes(small_picture(size=(512, 512)), quality=100)
    stream = io.BytesIO(data + bytes(1 << 20))
    Image.open(stream)
    assert stream.tell() < 1 << 16


def test_plugin_is_registered_by_the_import() -> None:
    assert Image.registered_extensions()[".lic"] == "LIC"
    assert Image.MIME["LIC"] == "image/x-licodec"


def test_registering_twice_changes_nothing(lic: bytes) -> None:
    register()
    assert Image.ID.count("LIC") == 1
    assert Image.open(io.BytesIO(lic)).get_format_mimetype() == "image/x-licodec"


def test_path_is_closed_after_loading(lic: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.lic").write_bytes(lic)
    image = Image.open(tmp_path / "a.lic")
    stream = image.fp
    assert stream is not None
    image.load()
    assert stream.closed
    assert image.filename == str(tmp_path / "a.lic")


def test_callers_stream_stays_open(lic: bytes) -> None:
    stream = io.BytesIO(lic)
    with Image.open(stream) as image:
        image.load()
    assert not stream.closed


def test_stream_may_be_moved_between_open_and_load(lic: bytes) -> None:
    stream = io.BytesIO(lic)
    image = Image.open(stream)
    stream.seek(5)
    assert image.tobytes() == licodec.decode(lic).tobytes()


def test_it_is_a_picture_of_one_frame(lic: bytes) -> None:
    image = Image.open(io.BytesIO(lic))
    image.seek(0)
    assert image.tell() == 0
    with pytest.raises(EOFError):
        image.seek(1)


def test_copy_and_pickle_keep_pixels_and_info(lic: bytes) -> None:
    image = Image.open(io.BytesIO(lic))
    for twin in (image.copy(), pickle.loads(pickle.dumps(image))):
        assert twin.tobytes() == image.tobytes()
        assert twin.info == image.info


def test_incremental_parser_gets_the_picture(lic: bytes) -> None:
    parser = ImageFile.Parser()
    for start in range(0, len(lic), 50):
        parser.feed(lic[start : start + 50])
    assert parser.close().tobytes() == licodec.decode(lic).tobytes()


def test_threads_get_the_same_pixels(lic: bytes) -> None:
    def decode(_: int) -> bytes:
        return Image.open(io.BytesIO(lic)).tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(decode, range(4))) == {licodec.decode(lic).tobytes()}


def test_networks_are_loaded_once(lic: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from licodec.api import Codec

    made = []

    def make(*arguments: object, **options: object) -> Codec:
        made.append(arguments)
        return Codec(device="cpu")

    licodec.pillow._codec.cache_clear()
    monkeypatch.setattr("licodec.api.Codec", make)
    for _ in range(2):
        Image.open(io.BytesIO(lic)).load()
        lic_bytes(small_picture())
    assert made == [("balanced", "auto", DEFAULT_TUNE)]


def test_registered_profile_decodes_a_file_of_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("licodec.encoder.PROFILE_IDS", {"balanced": 7})
        data = lic_bytes(small_picture())
    image = Image.open(io.BytesIO(data))
    assert image.info["profile"] == "id 7"
    with pytest.raises(OSError, match="profile id 7, which is not installed"):
        image.load()
    register(profile="balanced", device="cpu")
    assert image.tobytes() == licodec.decode(data, profile="balanced").tobytes()


def test_register_refuses_what_does_not_exist() -> None:
    with pytest.raises(licodec.ModelError, match="nonsense"):
        register(profile="nonsense")
    with pytest.raises(ValueError, match="expected auto, cpu or cuda"):
        register(device="abacus")


def test_register_refuses_cuda_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match="torch finds no CUDA device"):
        register(device="cuda")
    assert licodec.pillow._SETTINGS.device == "auto"


def test_pillows_own_pixel_limit_holds(lic: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(lic))


@pytest.mark.parametrize("data", [b"", b"\x8cLI", b"GIF89a", b"LIC\x8c" * 9])
def test_what_is_no_lic_file_is_not_identified(data: bytes) -> None:
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(data))


def test_every_cut_is_an_os_error(lic: bytes) -> None:
    for length in range(len(lic)):
        with pytest.raises(OSError), Image.open(io.BytesIO(lic[:length])) as image:
            image.load()


def test_damaged_payload_is_noticed_at_load_not_at_open(lic: bytes) -> None:
    image = Image.open(io.BytesIO(lic[:-9] + b"\x55" + lic[-8:]))
    assert image.size == (37, 21)
    with pytest.raises(OSError) as caught:
        image.load()
    assert isinstance(caught.value.__cause__, licodec.BitstreamError)


def test_newer_format_version_is_told_from_an_unknown_format(lic: bytes) -> None:
    with pytest.raises(OSError, match="newer licodec") as caught:
        Image.open(io.BytesIO(lic[:4] + b"\x41" + lic[5:]))
    assert not isinstance(caught.value, UnidentifiedImageError)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_every_flipped_bit_is_an_os_error_or_too_many_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    data = lic_bytes(small_picture(size=(16, 16)), quality=5)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        with (
            pytest.raises((OSError, Image.DecompressionBombError)),
            Image.open(io.BytesIO(damaged)) as image,
        ):
            image.load()
