"""docs/format.md is enough to decode: a decoder written from it alone reads real files."""

from __future__ import annotations

import re
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import licodec
from licodec.api import Codec
from licodec.codec.decode import decode_symbols
from licodec.codec.encode import encode_pixels
from licodec.codec.model import load_family
from licodec.container.read import read_container
from licodec.graphics.margins import margins_of
from licodec.image import lossless
from licodec.profiles import ProfileInfo, find_profile, list_profiles
from tests.codec.files import file_of
from tests.graphics.pages import drawn_page
from tests.prior.written_decoder import WrittenDecoder
from tests.prior.written_file import read_weights, take_apart
from tests.prior.written_planes import read_lossless
from tests.tiny import RICH_FAMILY, tiny_family, tiny_network

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
PHOTO = ROOT / "examples" / "photos" / "coffee.png"
TYPES = {"int8": "|i1", "uint8": "|u1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}


def _crop(width: int, height: int, mode: str = "RGB") -> np.ndarray:
    box = (250, 120, 250 + width, 120 + height)
    return np.asarray(Image.open(PHOTO).convert(mode).crop(box))


def _dots() -> np.ndarray:
    """Flat but for single bright dots, which no neighbour predicts: escapes."""
    pixels = np.zeros((70, 190, 3), np.uint8)
    pixels[np.random.default_rng(5).random((70, 190)) < 0.01] = 255
    return pixels


PAGE, FRAMED, BAR = "photo below a layer", "photo with margins", "grey photo with a margin"
# Several low-pass elements per side need more than 64 pixels; 1x1 is nearly all padding.
CASES = {
    "photo": (_crop(40, 24), 40.0, "rdoq"),
    "grey photo": (_crop(40, 24, "L"), 40.0, "rounding"),
    "photo of 3x4 low-pass elements": (_crop(133, 199), 8.0, "rdoq"),
    "grey photo of 2x2 low-pass elements": (_crop(65, 66, "L"), 97.0, "tcq8"),
    "photo in chains": (_crop(90, 70), 80.0, "tcq8"),
    "tuned photo": (_crop(120, 90), 80.0, "tcq128"),
    "tuned grey photo": (_crop(120, 90, "L") // 128 * 128, 95.0, "tcq128"),
    "dots": (_dots(), 100.0, "rdoq"),
    "dots in chains": (_dots(), 100.0, "tcq128"),
    "ramp": (np.linspace(20, 220, 90 * 70).reshape(70, 90).astype(np.uint8), 90.0, "tcq8"),
    "one pixel": (_crop(1, 1), 70.0, "tcq8"),
    PAGE: (drawn_page(), 60.0, "tcq128"),
    FRAMED: (
        np.pad(_crop(66, 40), ((3, 1), (0, 2), (0, 0)), constant_values=255),
        60.0,
        "tcq128",
    ),
    BAR: (np.pad(_crop(40, 24, "L"), ((0, 130), (0, 0))), 60.0, "tcq8"),
}


@pytest.fixture(scope="module")
def profile() -> ProfileInfo:
    return list_profiles()[0]


@pytest.fixture(scope="module")
def codec(profile: ProfileInfo) -> Codec:
    return Codec(profile.name, "cpu")


@pytest.fixture(scope="module")
def decoders(codec: Codec, profile: ProfileInfo) -> dict[str, tuple[bytes, WrittenDecoder]]:
    _, weights = read_weights(profile.family_path)
    files = {
        name: codec.encode(
            pixels,
            quality=quality,
            quantizer=quantizer,
            content="auto" if name == PAGE else "photo",
        )
        for name, (pixels, quality, quantizer) in CASES.items()
    }
    return {name: (data, WrittenDecoder(take_apart(data), weights)) for name, data in files.items()}


@pytest.mark.parametrize("name", CASES)
def test_symbols_of_the_written_decoder_have_the_checksum_of_the_file(name, decoders):
    data, decoder = decoders[name]
    file = take_apart(data)
    words = np.array(decoder.symbols.coded, "<i2").tobytes()
    assert zlib.crc32(words, zlib.crc32(file.front)) == file.crc
    assert decoder.symbols.ans.is_empty()


@pytest.mark.parametrize("name", CASES)
def test_planes_of_the_written_decoder_are_exactly_those_of_the_package(name, decoders, profile):
    data, decoder = decoders[name]
    container = read_container(data)
    photo = margins_of(container).photo_of(container)
    planes = decode_symbols(photo, load_family(profile))
    np.testing.assert_array_equal(decoder.planes, planes)


@pytest.mark.parametrize("name", CASES)
def test_pixels_of_the_written_decoder_are_exactly_those_of_the_package(
    name, decoders, codec, profile
):
    data, decoder = decoders[name]
    written = decoder.pixels(*read_weights(profile.synthesis_path))
    np.testing.assert_array_equal(written, np.asarray(codec.decode(data)))


def test_cases_cover_escapes_and_elements_that_are_not_coded(decoders):
    assert decoders["dots"][1].symbols.num_escapes > 0
    assert decoders["dots in chains"][1].symbols.num_escapes > 0
    assert 0 < len(decoders["photo"][1].symbols.coded) < 3 * 40 * 24


def test_cases_cover_tuned_files_and_others(decoders):
    assert any(decoders["tuned photo"][1].adaptive_filter)
    assert any(decoders["tuned grey photo"][1].adaptive_filter)
    assert decoders["photo"][1].adaptive_filter == decoders["one pixel"][1].adaptive_filter == []


def test_cases_cover_layers(decoders):
    assert {name for name, (_, decoder) in decoders.items() if decoder.file.layer} == {PAGE}


def test_cases_cover_margins(decoders):
    margins = {name: decoder.file.margins for name, (_, decoder) in decoders.items()}
    assert margins.pop(FRAMED) == [3, 1, 0, 2]
    assert margins.pop(BAR) == [0, 130, 0, 0]
    assert {tuple(lines) for lines in margins.values()} == {(0, 0, 0, 0)}


def test_cases_cover_shifts_of_scale_indices(decoders):
    shifted = {name for name, (_, decoder) in decoders.items() if decoder.symbols.num_shifted}
    quantizers = {CASES[name][2] for name in shifted}
    assert "rdoq" in quantizers
    assert quantizers & {"tcq8", "tcq128"}
    assert "one pixel" not in shifted


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pixels_of_the_written_decoder_are_those_of_a_lossless_file(mode, monkeypatch):
    def refuse(*_: object) -> bytes:
        return bytes(10**6)

    monkeypatch.setattr(lossless, "_to_tiles", refuse)  # so that the rows of a PNG are smaller
    pixels = _crop(23, 17, mode)
    data = licodec.encode(pixels, lossless=True)
    np.testing.assert_array_equal(read_lossless(data), pixels)


@pytest.mark.parametrize("name", ["grey-rows-33x17", "text-vp8l-90x70", "few-colours-240x160"])
def test_pixels_of_the_written_decoder_are_those_of_golden_files_without_weights(name):
    file = ROOT / "tests" / "golden" / "weightless" / f"{name}.lic"
    with Image.open(file.with_suffix(".png")) as stored:
        np.testing.assert_array_equal(read_lossless(file.read_bytes()), np.asarray(stored))


@pytest.mark.parametrize("family", ["psnr4", "visual6"])
def test_written_decoder_reads_golden_files_with_a_layer(family):
    data = (ROOT / "tests" / "golden" / f"{family}-layers-160x112-q60.lic").read_bytes()
    info = find_profile("balanced", family)
    decoder = WrittenDecoder(take_apart(data), read_weights(info.family_path)[1])
    assert decoder.file.layer is not None
    with Image.open(ROOT / "tests" / "golden" / f"{family}-layers-160x112-q60.png") as stored:
        written = decoder.pixels(*read_weights(info.synthesis_path))
        np.testing.assert_array_equal(written, np.asarray(stored))


@pytest.mark.parametrize("family", ["psnr4", "visual6"])
def test_written_decoder_reads_golden_files_with_margins(family):
    file = ROOT / "tests" / "golden" / f"{family}-margins-90x80-q60.lic"
    info = find_profile("balanced", family)
    decoder = WrittenDecoder(take_apart(file.read_bytes()), read_weights(info.family_path)[1])
    assert decoder.file.margins == [7, 9, 0, 1]
    with Image.open(file.with_suffix(".png")) as stored:
        written = decoder.pixels(*read_weights(info.synthesis_path))
        np.testing.assert_array_equal(written, np.asarray(stored))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_written_decoder_reads_a_family_with_magnitudes_and_a_hidden_state(mode):
    family = tiny_family(tiny_network(4, RICH_FAMILY))
    pixels = _crop(70, 41, mode)
    expected = encode_pixels(pixels, family, 200, "cpu")
    decoder = WrittenDecoder(take_apart(file_of(expected, pixels, 200)), family.tensors)
    np.testing.assert_array_equal(decoder.planes, expected.planes)


def test_fingerprint_is_the_digest_that_the_document_describes(decoders, profile):
    for path, length, start in ((profile.family_path, 4, 6), (profile.synthesis_path, 2, 10)):
        metadata, weights = read_weights(path)
        digest = sha256()
        for name in sorted(name for name in weights if not name.startswith("analysis.")):
            array = weights[name]
            kind = array.dtype.newbyteorder("<").str
            shape = ", ".join(str(n) for n in array.shape) + "," * (array.ndim == 1)
            digest.update(f"{name} {kind} ({shape})\n".encode("ascii") + array.tobytes())
        assert digest.hexdigest() == metadata["fingerprint"]
        assert decoders["photo"][0][start : start + length] == digest.digest()[:length]


def test_table_of_tensors_names_each_tensor_of_the_family_once(profile):
    part = TEXT[TEXT.index("| tensor | type |") :].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in part.splitlines()[2:]]
    _, weights = read_weights(profile.family_path)
    for name, array in weights.items():
        if name.startswith("analysis."):
            continue
        fitting = [(t, s) for pattern, t, s in rows if _pattern(pattern).fullmatch(name)]
        assert len(fitting) == 1, name
        assert TYPES[fitting[0][0]] == array.dtype.newbyteorder("<").str, name
        stated = fitting[0][1].split(", ")
        assert len(stated) == array.ndim, name
        for text, size in zip(stated, array.shape, strict=True):
            assert not text.isdigit() or int(text) == size, name


def _pattern(stated: str) -> re.Pattern[str]:
    text = re.escape(stated.strip("`"))
    for letter, pattern in (
        ("net\\.N", r"net\.(?:top|coarse|middle|fine)"),
        ("\\.L\\.", r"\..+\."),
        ("blockB", r"block\d"),
        ("headS", r"head[0-3]"),
    ):
        text = text.replace(letter, pattern)
    return re.compile(text)
