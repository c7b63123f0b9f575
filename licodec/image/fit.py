"""Takes from a Picture what a picture format has no place for."""

from dataclasses import replace

from licodec.errors import ImageError
from licodec.image.exif import find_orientation, is_density_alone, load_tags
from licodec.image.formats import WriteFormat
from licodec.image.keep import without_profile
from licodec.image.picture import Picture

# A JPEG segment holds 65,533 bytes, its name among them; Pillow writes these in one each.
MAX_JPEG_EXIF_BYTES = 65533 - 6
MAX_JPEG_XMP_BYTES = 65533 - 29

_NO_PLACE = "has no place for it"


def fit_to(picture: Picture, chosen: WriteFormat) -> Picture:
    """Drop or convert what the format cannot carry, with a note each.

    Colours are converted to sRGB where the profile cannot stay; an orientation is applied where
    its tag cannot.

    Raises:
        ImageError: the picture has transparency and the format none, or a side is too long for it.
    """
    if picture.alpha is not None and not chosen.has_alpha:
        raise ImageError(
            f"has transparency, which {chosen.name} cannot carry; choose PNG, WebP, AVIF or TIFF"
        )
    if max(picture.width, picture.height) > chosen.max_side_px:
        raise ImageError(
            f"has {picture.width}x{picture.height} pixels, {chosen.name} files no side above "
            f"{chosen.max_side_px:,}; choose PNG"
        )
    if not chosen.has_icc:
        picture = without_profile(picture, f"{chosen.name} has no place for an ICC profile")
    elif chosen.name == "WEBP" and picture.is_grey:
        picture = without_profile(picture, "WebP has no grey pixels, so no grey ICC profile")
    obstacle = _exif_obstacle(picture.exif, chosen)
    if obstacle is not None and chosen.has_density and is_density_alone(picture.exif):
        picture = replace(picture, exif=None)
    elif obstacle is not None:
        picture = without_exif(picture, f"EXIF dropped: {chosen.name} {obstacle}")
    obstacle = _xmp_obstacle(picture.xmp, chosen)
    if obstacle is not None:
        notes = (*picture.notes, f"XMP dropped: {chosen.name} {obstacle}")
        picture = replace(picture, xmp=None, notes=notes)
    return picture


def _exif_obstacle(exif: bytes | None, chosen: WriteFormat) -> str | None:
    """Why the format cannot carry the block; None if it can or there is none."""
    if exif is None:
        return None
    if not chosen.has_exif:
        return _NO_PLACE
    if chosen.name == "JPEG" and len(exif) > MAX_JPEG_EXIF_BYTES:
        return f"holds {MAX_JPEG_EXIF_BYTES:,} bytes of it, these are {len(exif):,}"
    if chosen.name in ("TIFF", "AVIF") and load_tags(exif) is None:
        return "stores its tags one by one, and they are unreadable"
    return None


def _xmp_obstacle(xmp: bytes | None, chosen: WriteFormat) -> str | None:
    if xmp is None:
        return None
    if not chosen.has_xmp:
        return _NO_PLACE
    if chosen.name == "JPEG" and len(xmp) > MAX_JPEG_XMP_BYTES:
        return f"holds {MAX_JPEG_XMP_BYTES:,} bytes of it, these are {len(xmp):,}"
    return None


def without_exif(picture: Picture, note: str) -> Picture:
    """The picture turned as its EXIF block says, without the block, and with the note."""
    orientation = find_orientation(picture.exif)
    if orientation != 1:
        note += "; its orientation is applied"
    turned = picture.turned(orientation)
    return replace(turned, exif=None, notes=(*picture.notes, note))
