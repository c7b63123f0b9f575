"""Pixels of other colours brought to sRGB by LittleCMS: relative colorimetric, with black point
compensation."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from licodec.image.faults import PILLOW_FAULTS
from licodec.image.icc import SRGB, make_profile
from licodec.image.picture import Planes

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


def convert_to_srgb(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """Samples under a profile to samples of the same colours under sRGB.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        icc: a profile of that kind of pixels.

    Returns:
        An array of the same shape; colours outside sRGB are clipped.

    Raises:
        ImageCms.PyCMSError, OSError, ...: the profile is unusable (`faults.PILLOW_FAULTS`).
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    if pixels.ndim == 3:
        return _srgb_of(Image.fromarray(pixels), source)
    target = ImageCms.ImageCmsProfile(io.BytesIO(make_profile(None)))
    # Optimized, the transform of grey is a table too coarse for dark samples.
    flags = _FLAGS | ImageCms.Flags.NOOPTIMIZE
    transform = ImageCms.buildTransform(source, target, "L", "L", _INTENT, flags)
    levels = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    converted: NDArray[np.uint8] = np.asarray(transform.apply(levels))[0][pixels]
    return converted


def cmyk_planes(image: Image.Image, profile: bytes | None) -> Planes:
    """An image of mode CMYK by its profile; without one (255 - C)(255 - K) / 255 and so on."""
    note = "CMYK without ICC profile converted to RGB by the plain formula"
    if profile is not None:
        try:
            pixels = _srgb_of(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except PILLOW_FAULTS:
            note = "CMYK whose ICC profile is unusable converted to RGB by the plain formula"
        else:
            note = "CMYK converted to sRGB by its ICC profile"
            return Planes(pixels=pixels, notes=(note,), is_srgb=True)
    return Planes(pixels=np.asarray(image.convert("RGB")), notes=(note,), is_srgb=True)


def lab_planes(image: Image.Image) -> Planes:
    """An image of mode LAB."""
    pixels = _srgb_of(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    return Planes(pixels=pixels, notes=("LAB converted to sRGB",), is_srgb=True)


def _srgb_of(image: Image.Image, source: ImageCms.ImageCmsProfile) -> NDArray[np.uint8]:
    """(H, W, 3) of an image of any mode that fits the profile."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(make_profile(SRGB)))
    transform = ImageCms.buildTransform(source, target, image.mode, "RGB", _INTENT, _FLAGS)
    converted = Image.new("RGB", image.size)
    transform.apply(image, converted)
    return np.asarray(converted)
