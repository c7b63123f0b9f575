"""`Image.save` to .lic: options, metadata, what becomes of the file when it fails."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

import licodec
import licodec.pillow
from tests.pillow.conftest import PROFILE, lic_bytes, small_picture


def test_bytes_are_those_of_encode() -> None:
    picture = small_picture()
    assert lic_bytes(picture) == licodec.encode(picture)
    assert lic_bytes(picture, quality=12.5) == licodec.encode(picture, quality=12.5)


def test_ssimulacra2_and_tune_are_passed_on() -> None:
    picture = small_picture(size=(64, 48))
    options = {"ssimulacra2": 60, "tune": "psnr", "effort": 1}
    assert lic_bytes(picture, **options) == licodec.encode(picture, **options)
    with pytest.raises(OSError, match=r"cannot write LIC: picture has 7x9 pixels"):
        lic_bytes(small_picture(size=(7, 9)), ssimulacra2=60)


def test_effort_and_quantizer_are_passed_on() -> None:
    picture = small_picture(size=(128, 96))
    assert lic_bytes(picture, effort=0) == licodec.encode(picture, effort=0)
    assert lic_bytes(picture, effort=0) != lic_bytes(picture, effort=2)
    assert lic_bytes(picture, quantizer="rounding") == lic_bytes(picture, effort=0)
    for wrong in ({"effort": -1}, {"quantizer": "nonsense"}):
        with pytest.raises(ValueError, match="expected"):
            lic_bytes(picture, **wrong)


def test_target_takes_the_place_of_quality() -> None:
    picture = small_picture(size=(128, 96))
    assert len(lic_bytes(picture, size=150)) <= 150
    with pytest.raises(OSError, match="cannot write LIC"):
        lic_bytes(picture, size=20)
    with pytest.raises(ValueError, match="excludes"):
        lic_bytes(picture, size=150, quality=50)


def test_extension_chooses_the_format(tmp_path: Path) -> None:
    small_picture().save(tmp_path / "a.lic", quality=80, profile="balanced")
    assert licodec.info((tmp_path / "a.lic").read_bytes()).quality == pytest.approx(80, abs=0.3)


def test_stream_is_written_where_it_stands() -> None:
    stream = io.BytesIO(b"head")
    stream.seek(4)
    small_picture().save(stream, "LIC")
    assert licodec.decode(stream.getvalue()[4:]).size == (37, 21)


def test_opened_file_may_be_saved_over(tmp_path: Path) -> None:
    small_picture().save(tmp_path / "a.lic", quality=90)
    with Image.open(tmp_path / "a.lic") as image:
        image.save(tmp_path / "a.lic", quality=10)
    with Image.open(tmp_path / "a.lic") as image:
        assert image.info["quality"] == pytest.approx(10, abs=0.7)  # half a step of the knob
        image.load()


def test_metadata_of_the_picture_is_kept(lic: bytes) -> None:
    first = Image.open(io.BytesIO(lic))
    second = Image.open(io.BytesIO(lic_bytes(first)))
    keys = ("icc_profile", "exif", "xmp")
    assert [second.info[key] for key in keys] == [first.info[key] for key in keys]


def test_options_replace_the_metadata_of_the_picture(lic: bytes) -> None:
    image = Image.open(io.BytesIO(lic))
    before = dict(image.info)
    exif = Image.Exif()
    exif[0x0110] = "Model"
    other = PROFILE[:67] + b"\1" + PROFILE[68:]  # another rendering intent
    saved = lic_bytes(image, icc_profile=other, exif=exif.tobytes(), xmp=b"<y/>")
    again = Image.open(io.BytesIO(saved))
    assert (again.info["icc_profile"], again.info["xmp"]) == (other, b"<y/>")
    assert dict(again.getexif()) == {0x0110: "Model"}
    assert image.info == before


@pytest.mark.parametrize("nothing", [None, b""])
def test_empty_option_drops_the_metadata(lic: bytes, nothing: bytes | None) -> None:
    image = Image.open(io.BytesIO(lic))
    saved = lic_bytes(image, icc_profile=nothing, exif=nothing, xmp=nothing)
    assert licodec.info(saved).sections == ()


def test_exif_option_drops_the_tags_of_a_tiff_file(tmp_path: Path) -> None:
    small_picture().save(tmp_path / "a.tif", tiffinfo={0x010F: "Camera maker"})
    with Image.open(tmp_path / "a.tif") as image:
        assert licodec.info(lic_bytes(image)).sections[0][0] == "EXIF"
        assert licodec.info(lic_bytes(image, exif=None)).sections == ()


def test_metadata_of_a_wrong_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="exif is a dict, expected bytes"):
        lic_bytes(small_picture(), exif={0x010F: "Camera maker"})


def test_pixels_are_saved_upright_and_the_tag_is_reset() -> None:
    picture = small_picture()
    exif = Image.Exif()
    exif[0x0112] = 6
    saved = Image.open(io.BytesIO(lic_bytes(picture, exif=exif)))
    assert saved.size == (21, 37)
    assert saved.getexif().get(0x0112, 1) == 1
    upright = licodec.encode(picture.transpose(Image.Transpose.ROTATE_270))
    assert saved.tobytes() == licodec.decode(upright).tobytes()


def test_conversion_that_changes_colours_is_a_warning() -> None:
    with pytest.warns(licodec.PictureWarning, match="CMYK"):
        lic_bytes(small_picture().convert("CMYK"))


@pytest.mark.parametrize("quality", [0, 101, float("nan")])
def test_quality_out_of_range_is_a_value_error_and_leaves_no_file(
    quality: float, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="expected 1 to 100"):
        small_picture().save(tmp_path / "a.lic", quality=quality)
    assert list(tmp_path.iterdir()) == []


def test_unknown_profile_is_an_os_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="unknown profile 'nonsense'"):
        small_picture().save(tmp_path / "a.lic", profile="nonsense")
    assert list(tmp_path.iterdir()) == []


def test_empty_picture_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="0x5 pixels"):
        Image.new("RGB", (0, 5)).save(tmp_path / "a.lic")
