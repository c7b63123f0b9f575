"""Metadata that come back claim nothing that is gone."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import licodec
from licodec.api import Codec
from licodec.image.exif import with_size as exif_with_size
from licodec.image.files import read_picture
from licodec.image.xmp import reset_orientation, with_size, without_claims
from tests.photos import crop

NAMESPACES = (
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
    b'xmlns:C="http://ns.google.com/photos/1.0/container/" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
WIDTH_TAG, HEIGHT_TAG, THUMBNAIL, THUMBNAIL_LENGTH = 0xA002, 0xA003, 0x0201, 0x0202


def packet(attributes: bytes = b"", elements: bytes = b"") -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        + NAMESPACES
        + b" "
        + attributes
        + b">"
        + elements
        + b"<dc:title>kept</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )


@pytest.mark.parametrize(
    ("attributes", "elements", "claim", "gone"),
    [
        (b"hdrgm:Version=\"1.0\" hdrgm:GainMapMax = '2.3'", b"", "gain map", b"hdrgm"),
        (b"", b"<hdrgm:Version>1.0</hdrgm:Version>", "gain map", b"hdrgm"),
        (
            b"",
            b"<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></hdrgm:GainMapMax>",
            "gain map",
            b"hdrgm",
        ),
        (
            b'xmlns:ns1="http://ns.adobe.com/hdr-gain-map/1.0/" ns1:Version="1.0"',
            b"<ns1:GainMapMax>1</ns1:GainMapMax>",
            "gain map",
            b"ns1",
        ),
        (b'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"', b"", "video", b"GCamera"),
        (b'GCamera:MotionPhoto="1" dc:VideoLength="9"', b"", "video", b"VideoLength"),
        (b'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="99"', b"", "video", b"GCamera"),
        (b"", b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto>", "video", b"GCamera"),
        (
            b"",
            b"<C:Directory><rdf:Seq><rdf:li><C:Item/></rdf:li></rdf:Seq></C:Directory>",
            "further pictures",
            b"C:Item",
        ),
        (b'xmpNote:HasExtendedXMP="0123"', b"", "extended XMP", b"xmpNote"),
    ],
)
def test_claim_is_removed_in_every_form(
    attributes: bytes, elements: bytes, claim: str, gone: bytes
) -> None:
    cleaned, found = without_claims(packet(attributes, elements))
    assert found == {claim}
    assert gone not in cleaned
    assert b"<dc:title>kept</dc:title>" in cleaned
    assert without_claims(cleaned) == (cleaned, frozenset())


def test_packet_without_claims_stays_as_it_is() -> None:
    for given_packet in (packet(), packet(b'GCamera:MotionPhoto="0"'), packet(b'dc:x="hdrgm:y"')):
        assert without_claims(given_packet) == (given_packet, frozenset())


@given(data=st.binary(max_size=400))
def test_any_bytes_are_taken_as_a_packet(data: bytes) -> None:
    without_claims(b"<hdrgm:Version>" + data)
    with_size(data, 3, 4)
    exif_with_size(b"II*\0" + data, 3, 4)


def test_hostile_packets_take_no_time() -> None:
    for hostile in (
        b"<hdrgm:a>" * 90000,
        b"<hdrgm:a " * 90000,
        b' hdrgm:a="' * 90000,
        b"\n" * 900000,
        b" xmlns:a" * 90000,
        b"<" + b"a" * 900000,
    ):
        without_claims(hostile)


def test_numbers_of_xmp_follow_the_size_and_thumbnails_go() -> None:
    full = packet(
        b'exif:PixelXDimension="4000" tiff:ImageLength="3000"',
        b"<exif:PixelYDimension>3000</exif:PixelYDimension><xmp:Thumbnails>x</xmp:Thumbnails>",
    )
    small = packet(
        b'exif:PixelXDimension="40" tiff:ImageLength="30"',
        b"<exif:PixelYDimension>30</exif:PixelYDimension>",
    )
    assert with_size(full, 40, 30) == small


def exif_of_size(width: int, height: int, order: str, layout: str, orientation: int = 1) -> bytes:
    """Orientation, a directory of EXIF tags with the size, and one with a thumbnail."""
    kind, thumbnail = {"H": 3, "I": 4}[layout], b"thumbnail!"

    def entry(tag: int, number_type: int, value: int) -> bytes:
        stored = struct.pack(f"{order}{'H' if number_type == 3 else 'I'}", value)
        return struct.pack(f"{order}HHI", tag, number_type, 1) + stored.ljust(4, b"\0")

    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    first = struct.pack(f"{order}H", 2) + entry(0x0112, 3, orientation) + entry(0x8769, 4, 38)
    second = struct.pack(f"{order}H", 2) + entry(WIDTH_TAG, kind, width)
    second += entry(HEIGHT_TAG, kind, height) + bytes(4)
    third = struct.pack(f"{order}H", 2) + entry(THUMBNAIL, 4, 98)
    third += entry(THUMBNAIL_LENGTH, 4, len(thumbnail)) + bytes(4)
    return head + first + struct.pack(f"{order}I", 68) + second + third + thumbnail


def stated_size(exif: bytes) -> tuple[int, int]:
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + exif)
    directory = tags.get_ifd(0x8769)
    return directory[WIDTH_TAG], directory[HEIGHT_TAG]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("layout", "HI")
def test_numbers_of_exif_follow_a_turn_and_the_thumbnail_goes(order: str, layout: str) -> None:
    stream = io.BytesIO()
    block = exif_of_size(40, 24, order, layout, orientation=6)
    Image.fromarray(crop(40, 24)).save(stream, "JPEG", exif=b"Exif\0\0" + block)
    picture = read_picture(stream)
    assert (picture.width, picture.height) == (24, 40)
    assert picture.exif is not None
    assert stated_size(picture.exif) == (24, 40)
    assert b"thumbnail!" not in picture.exif


def test_parts_and_previews_do_not_claim_the_whole(codec: Codec) -> None:
    image = Image.fromarray(crop(96, 80))
    image.info["exif"] = b"Exif\0\0" + exif_of_size(96, 80, "<", "I")
    image.info["xmp"] = packet(b'exif:PixelXDimension="96" exif:PixelYDimension="80"')
    data = codec.encode(image, effort=0)
    for options, size in (
        ({}, (96, 80)),
        ({"region": (8, 8, 40, 24)}, (40, 24)),
        ({"max_size": 48}, (48, 40)),
    ):
        picture = codec.decode_picture(data, **options)
        assert picture.exif is not None
        assert picture.xmp is not None
        assert stated_size(picture.exif) == size
        assert b'exif:PixelXDimension="%d"' % size[0] in picture.xmp
        assert (b"thumbnail!" in picture.exif) == (not options)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_claims_of_every_format_are_noted(name: str) -> None:
    stream = io.BytesIO()
    options = {"xmp": packet(b'hdrgm:Version="1.0"')}
    if name == "PNG":
        from PIL import PngImagePlugin

        text = PngImagePlugin.PngInfo()
        text.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + options.pop("xmp"))
        options["pnginfo"] = text
    Image.fromarray(crop(16, 16)).save(stream, name, **options)
    picture = read_picture(stream)
    assert picture.notes == (
        "gain map (high dynamic range) dropped: a .lic file has no place for it",
    )
    assert picture.xmp == packet().replace(NAMESPACES + b" ", NAMESPACES.split(b" ", 1)[1])


def test_warning_names_what_a_pillow_image_claims() -> None:
    image = Image.fromarray(crop(16, 16))
    image.info["xmp"] = packet(b'GCamera:MotionPhoto="1"')
    with pytest.warns(licodec.PictureWarning, match="video of a motion photo"):
        licodec.encode(image, effort=0)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_claims_in_other_encodings_are_removed(encoding: str) -> None:
    image = Image.fromarray(crop(16, 16))
    image.info["xmp"] = packet(b'hdrgm:Version="1.0"').decode().encode(encoding)
    with pytest.warns(licodec.PictureWarning, match="gain map"):
        picture = licodec.Codec().decode_picture(licodec.encode(image, effort=0))
    assert picture.xmp is not None
    assert b"hdrgm" not in picture.xmp
    assert b"<dc:title>kept</dc:title>" in picture.xmp


def test_orientation_in_xmp_is_reset_whatever_its_prefix() -> None:
    declared = b'xmlns:ns1="http://ns.adobe.com/tiff/1.0/" '
    turned = packet(declared + b'ns1:Orientation="6" dc:Orientation="6"')
    assert reset_orientation(turned) == turned.replace(
        b'ns1:Orientation="6"', b'ns1:Orientation="1"'
    )
