"""Reads EXIF and XMP of a loaded image, and tells what its file has that a .lic file has not."""

from dataclasses import dataclass

from PIL import Image, PngImagePlugin

from licodec.image.exif import (
    EXIF_PREFIX,
    find_orientation,
    reset_orientation,
    with_density,
    without_prefix,
)
from licodec.image.exif import with_size as exif_with_size
from licodec.image.facts import Facts
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none, one_line
from licodec.image.loading import Loaded
from licodec.image.png import KEPT_TEXT, XMP_TEXT
from licodec.image.tags import writable_tags
from licodec.image.xmp import as_utf8, without_claims
from licodec.image.xmp import reset_orientation as reset_xmp_orientation
from licodec.image.xmp import with_size as xmp_with_size
from licodec.names import listed

_IPTC, _PATHS = 0x0404, range(2000, 2999)  # numbers of Photoshop's resources
_APP1_PREFIXES = {"exif": EXIF_PREFIX, "xmp": b"http://ns.adobe.com/xap/1.0/\0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What goes beside the pixels, of the upright picture."""

    exif: bytes | None
    xmp: bytes | None
    orientation: int  # in which the pixels lie still, 1 (upright) to 8
    notes: tuple[str, ...]


def metadata_of(loaded: Loaded, facts: Facts, size: tuple[int, int]) -> Metadata:
    """EXIF and XMP as they have to be once the pixels have been turned.

    Args:
        loaded: the image; where its samples count, they are upright, though EXIF says otherwise.
        facts: of its file.
        size: width and height of the pixels as they lie.
    """
    image = loaded.image
    raw, xmp = (bytes_or_none(image.info.get(kind)) for kind in ("exif", "xmp"))
    gone = _notes_after_pixels(image)
    xmp = xmp or _hidden_profile(image, "xmp") or _xmp_in_text(image) or facts.xmp
    exif, exif_notes = exif_of(image, raw, facts)
    exif, density_notes = with_density(image, exif)
    stated = find_orientation(exif)
    exif = None if exif is None else reset_orientation(exif)
    orientation = stated if loaded.samples is None else 1
    upright_size = size[::-1] if orientation >= 5 else size
    is_turned = stated >= 5 or loaded.is_turned
    if exif is not None and is_turned:
        exif = exif_with_size(exif, *upright_size)
    claimed = frozenset[str]()
    if xmp is not None:
        xmp, claimed = without_claims(as_utf8(xmp), facts.gone)
        xmp = xmp if stated == 1 else reset_xmp_orientation(xmp)
        xmp = xmp_with_size(xmp, *upright_size) if is_turned else xmp
    gone += facts.notes_on_parts(claimed, loaded.num_pictures)
    return Metadata(
        exif=exif, xmp=xmp, orientation=orientation, notes=exif_notes + density_notes + gone
    )


def exif_of(
    image: Image.Image, raw: bytes | None, facts: Facts
) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block as the file has it, or as Pillow rebuilds it from a TIFF's tags; notes."""
    if raw is not None:
        return without_prefix(raw) or None, ()
    raw = _hidden_profile(image, "exif")
    raw = facts.exif if raw is None else raw
    if raw is not None:
        raw = without_prefix(raw)
        # djxl puts zero bytes before the block, whose orientation it has applied already.
        is_block = raw.startswith((b"II", b"MM"))
        where = "PNG text" if image.format == "PNG" else "the file"
        return (raw, ()) if is_block else (None, (f"EXIF in {where} is unreadable and dropped",))
    if image.format != "TIFF":  # else Pillow makes a block up from what an XMP packet states
        return None, ()
    try:
        return exif_of_tags(image.getexif())
    except PILLOW_FAULTS as error:
        return None, (f"EXIF is unreadable and dropped ({one_line(error)})",)


def exif_of_tags(tags: Image.Exif | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block that the tags of a TIFF make, without those about its pixels; notes."""
    if tags is None:
        return None, ()
    tags, notes = writable_tags(tags)
    raw = tags.tobytes() if len(tags) else b""
    return without_prefix(raw) or None, notes


def _hidden_profile(image: Image.Image, name: str) -> bytes | None:
    """A block that ImageMagick and djxl put into PNG text in hexadecimal; empty if damaged."""
    for kind, prefix in ((name, b""), ("APP1", _APP1_PREFIXES[name])):
        text = image.info.get(f"Raw profile type {kind}")
        if isinstance(text, str):
            try:
                block = bytes.fromhex("".join(text.split("\n")[3:]))
            except ValueError:
                block = b""
            if block.startswith(prefix):
                return block[len(prefix) :]
    return None


def _xmp_in_text(image: Image.Image) -> bytes | None:
    """A packet in a text of PNG that is not of the kind for it."""
    text = image.info.get(XMP_TEXT)
    if not isinstance(text, str) or isinstance(text, PngImagePlugin.iTXt):
        return None
    return text.encode("latin-1", "replace") or None


def _notes_after_pixels(image: Image.Image) -> tuple[str, ...]:
    """Names of what the file has and a .lic file has no place for; asked once pixels are read."""
    info, names = image.info, []
    segments = getattr(image, "applist", ())
    resources = info.get("photoshop") or ()
    if _IPTC in resources:
        names.append("IPTC")
    if any(number in _PATHS for number in resources):
        names.append("clipping path")
    if any(data.startswith(b"http://ns.adobe.com/xmp/extension/") for _, data in segments):
        names.append("extended XMP")
    if any(name == "APP11" for name, _ in segments):
        names.append("JUMBF (content credentials)")
    if info.get("comment") and image.format != "JPEG2000":  # there it is the writer's name
        names.append("comment")
    notes = [f"{name} dropped: a .lic file has no place for it" for name in names]
    if image.format == "PNG" and not getattr(image, "is_animated", False):
        texts = [_printable(key) for key in getattr(image, "text", ()) if key not in KEPT_TEXT]
        if texts:
            notes.append(f"PNG text dropped: {listed(texts)}")
    return tuple(notes)


def _printable(text: str) -> str:
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())
