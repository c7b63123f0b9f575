"""Small picture files of every odd kind, each with what must come back."""

# ruff: noqa: E501 - a table, one file a line

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from licodec.image.colours import convert_to_srgb
from licodec.image.icc import DISPLAY_P3, make_profile
from tests.image.profiles import cmyk_profile, srgb_profile
from tests.image.writers import deep_png, raw_tiff, with_chunks
from tests.photos import crop

WIDTH, HEIGHT = 48, 40
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- kept --></x:xmpmeta>'
MAKER = 0x010F
NO_NOTE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A picture file, and what a viewer must see after the way through a .lic file."""

    name: str
    data: bytes
    shown: np.ndarray  # (H, W, 3) sRGB, upright, uint8
    alpha: np.ndarray | None = None  # (H, W) uint8
    mode: str = "RGB"  # of the PNG that comes back
    keeps: frozenset[str] = frozenset()  # "icc", "exif", "xmp"
    note: str = NO_NOTE  # a part of a line that is told; NO_NOTE: nothing is
    tolerance: float = 4  # mean absolute difference of visible samples at quality 90


def photo(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return crop(width, height, name="chelsea")


def vivid() -> np.ndarray:
    """A photo whose colours a profile changes visibly."""
    return np.asarray(ImageEnhance.Color(Image.fromarray(photo())).enhance(3))


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 1) grey of RGB."""
    return np.asarray(Image.fromarray(rgb).convert("L"))[:, :, None]


def slope(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """An alpha plane with both ends of the range and a part that is fully transparent."""
    x = np.linspace(-90, 300, width)
    return np.clip(np.broadcast_to(x, (height, width)), 0, 255).astype(np.uint8)


def exif_block(orientation: int | None = None) -> bytes:
    tags = Image.Exif()
    tags[MAKER] = "maker"
    if orientation is not None:
        tags[0x0112] = orientation
    return tags.tobytes()


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def all_odd_pictures() -> list[Odd]:
    makers: tuple[Callable[[], list[Odd]], ...] = (
        _plain, _palettes, _transparent, _deep, _other_models, _oriented, _profiled, _stated_colours,
        _with_metadata, _several, _sizes, _other_formats,
    )  # fmt: skip
    return [odd for make in makers for odd in make()]


def _plain() -> list[Odd]:
    rgb, grey = photo(), grey_of(photo())
    as_rgb = np.repeat(grey, 3, 2)
    black = np.repeat(np.where(grey > 128, 255, 0).astype(np.uint8), 3, 2)
    bilevel = Image.fromarray(black).convert("1")
    image = Image.fromarray(rgb)
    return [
        Odd(name="rgb.png", data=saved(image, "PNG"), shown=rgb),
        Odd(name="interlaced.jpg", data=saved(image, "JPEG", quality=98, progressive=True), shown=rgb),
        Odd(name="grey.png", data=saved(Image.fromarray(grey[:, :, 0]), "PNG"), shown=as_rgb, mode="L"),
        Odd(name="grey.jpg", data=saved(Image.fromarray(grey[:, :, 0]), "JPEG", quality=98), shown=as_rgb, mode="L"),
        Odd(name="grey-as-rgb.png", data=saved(Image.fromarray(as_rgb), "PNG"), shown=as_rgb, mode="L"),
        Odd(name="bilevel.png", data=saved(bilevel, "PNG"), shown=black, mode="L", tolerance=12),
        Odd(name="bilevel.tif", data=saved(bilevel, "TIFF", compression="group4"), shown=black, mode="L", tolerance=12),
        Odd(name="bilevel.pbm", data=saved(bilevel, "PPM"), shown=black, mode="L", tolerance=12),
    ]  # fmt: skip


def _palettes() -> list[Odd]:
    few = Image.fromarray(photo()).quantize(16)
    shown = np.asarray(few.convert("RGB"))
    grey = Image.fromarray(grey_of(photo())[:, :, 0]).quantize(16)
    index = few.getpixel((3, 5))
    one_hidden = np.where(np.asarray(few) == index, 0, 255).astype(np.uint8)
    levels = bytes(range(0, 256, 16))
    by_table = np.frombuffer(levels, np.uint8)[np.asarray(few)]
    return [
        Odd(name="palette.png", data=saved(few, "PNG"), shown=shown),
        Odd(name="palette-1-bit.png", data=saved(few.quantize(2), "PNG", bits=1), shown=np.asarray(few.quantize(2).convert("RGB"))),
        Odd(name="palette-grey.png", data=saved(grey, "PNG"), shown=np.asarray(grey.convert("RGB")), mode="L"),
        Odd(name="palette-colour-key.png", data=saved(few, "PNG", transparency=index), shown=shown, alpha=one_hidden, mode="RGBA"),
        Odd(name="palette-alpha.png", data=saved(few, "PNG", transparency=levels), shown=shown, alpha=by_table, mode="RGBA"),
        Odd(name="palette.gif", data=saved(few, "GIF"), shown=shown),
        Odd(name="palette-colour-key.gif", data=saved(few, "GIF", transparency=index, optimize=False), shown=shown, alpha=one_hidden, mode="RGBA"),
        Odd(name="palette.tif", data=saved(few, "TIFF"), shown=shown),
        Odd(name="palette.bmp", data=saved(few, "BMP"), shown=shown),
    ]  # fmt: skip


def _transparent() -> list[Odd]:
    rgb, grey, alpha = photo(), grey_of(photo()), slope()
    rgba = Image.fromarray(np.dstack([rgb, alpha]))
    noisy = np.random.default_rng(3).integers(0, 256, rgb.shape, dtype=np.uint8)
    noisy = np.where(alpha[:, :, None] == 0, noisy, rgb)
    grey_alpha = Image.fromarray(np.dstack([grey, alpha]))
    as_rgb = np.repeat(grey, 3, 2)
    key = tuple(int(v) for v in rgb[4, 7])
    by_key = np.where((rgb == key).all(2), 0, 255).astype(np.uint8)
    grey_key = np.where(grey[:, :, 0] == grey[4, 7], 0, 255).astype(np.uint8)
    opaque = Image.fromarray(np.dstack([rgb, np.full_like(alpha, 255)]))
    hidden = Image.fromarray(np.dstack([rgb, np.zeros_like(alpha)]))
    common = {"shown": rgb, "alpha": alpha, "mode": "RGBA"}
    return [
        Odd(name="rgba.png", data=saved(rgba, "PNG"), **common),
        Odd(name="rgba-noise-below.png", data=saved(Image.fromarray(np.dstack([noisy, alpha])), "PNG"), **common),
        Odd(name="rgba.tif", data=saved(rgba, "TIFF"), **common),
        Odd(name="rgba.webp", data=saved(rgba, "WEBP", lossless=True), **common),
        Odd(name="rgba.avif", data=saved(rgba, "AVIF", quality=95, subsampling="4:4:4"), **common),
        Odd(name="rgba-opaque.png", data=saved(opaque, "PNG"), shown=rgb),
        Odd(name="rgba-invisible.png", data=saved(hidden, "PNG"), shown=rgb, alpha=np.zeros_like(alpha), mode="LA", note="all pixels are fully transparent"),
        Odd(name="la.png", data=saved(grey_alpha, "PNG"), shown=as_rgb, alpha=alpha, mode="LA"),
        Odd(name="la.tif", data=saved(grey_alpha, "TIFF"), shown=as_rgb, alpha=alpha, mode="LA"),
        Odd(name="rgb-colour-key.png", data=saved(Image.fromarray(rgb), "PNG", transparency=key), shown=rgb, alpha=by_key, mode="RGBA"),
        Odd(name="grey-colour-key.png", data=saved(Image.fromarray(grey[:, :, 0]), "PNG", transparency=int(grey[4, 7, 0])), shown=as_rgb, alpha=grey_key, mode="LA"),
    ]  # fmt: skip


def _deep() -> list[Odd]:
    rgb, grey, alpha = photo(), grey_of(photo())[:, :, 0], slope()
    as_rgb = np.repeat(grey[:, :, None], 3, 2)
    wide, grey_wide = rgb.astype(np.uint16) * 257, grey.astype(np.uint16) * 257
    with_alpha = np.dstack([wide, alpha.astype(np.uint16) * 257])
    grey_with_alpha = np.dstack([grey_wide, alpha.astype(np.uint16) * 257])
    key = wide[4, 7]
    by_key = np.where((wide == key).all(2), 0, 255).astype(np.uint8)
    keyed = with_chunks(deep_png(wide), [(b"tRNS", key.astype(">u2").tobytes())])
    in_256ths = np.asarray(Image.fromarray(rgb).convert("RGB")).astype(">u2") * 257
    samples, in_255 = "16-bit samples", "0 to 255"
    grey_16 = {"shown": as_rgb, "mode": "L", "note": "16-bit grey"}
    return [
        Odd(name="deep-rgb.png", data=deep_png(wide), shown=rgb, note=samples),
        Odd(name="deep-rgba.png", data=deep_png(with_alpha), shown=rgb, alpha=alpha, mode="RGBA", note=samples),
        Odd(name="deep-la.png", data=deep_png(grey_with_alpha), shown=as_rgb, alpha=alpha, mode="LA", note=samples),
        Odd(name="deep-grey.png", data=deep_png(grey_wide), **grey_16),
        Odd(name="deep-colour-key.png", data=keyed, shown=rgb, alpha=by_key, mode="RGBA", note=samples),
        Odd(name="deep-rgb.tif", data=raw_tiff(wide, photometric=2), shown=rgb, note=samples),
        Odd(name="deep-rgb-big-endian.tif", data=raw_tiff(wide.astype(">u2"), photometric=2), shown=rgb, note=samples),
        Odd(name="deep-grey.tif", data=raw_tiff(grey_wide, photometric=1), **grey_16),
        Odd(name="deep-grey-big-endian.tif", data=raw_tiff(grey_wide.astype(">u2"), photometric=1), **grey_16),
        Odd(name="deep-white-is-zero.tif", data=raw_tiff(65535 - grey_wide, photometric=0), **grey_16),
        Odd(name="signed-16.tif", data=raw_tiff((grey_wide // 2).astype(np.int16), photometric=1), shown=as_rgb, mode="L", note="0 to 32767"),
        Odd(name="int-32.tif", data=raw_tiff(grey.astype(np.int32), photometric=1), shown=as_rgb, mode="L", note=in_255),
        Odd(name="float-32.tif", data=raw_tiff((grey / 255).astype(np.float32), photometric=1), shown=as_rgb, mode="L", note="0 to 1"),
        Odd(name="deep.ppm", data=b"P6 %d %d 65535\n" % (WIDTH, HEIGHT) + in_256ths.tobytes(), shown=rgb, note=samples),
        Odd(name="deep-grey.jp2", data=saved(Image.fromarray(grey_wide), "JPEG2000"), **grey_16),
    ]  # fmt: skip


def _other_models() -> list[Odd]:
    cmyk = Image.fromarray(photo()).convert("CMYK")
    shown = np.asarray(cmyk.convert("RGB"))
    by_profile = Image.new("CMYK", (WIDTH, HEIGHT), (255, 0, 0, 0))
    level_50 = np.full((HEIGHT, WIDTH, 3), 119, np.uint8)  # L* 50, what the profile calls cyan
    formula, lab = "CMYK without ICC profile", Image.new("LAB", (WIDTH, HEIGHT), (255, 128, 128))
    rgb = Image.fromarray(photo())
    deep = np.asarray(cmyk).astype(np.uint16) * 257
    return [
        Odd(name="cmyk.jpg", data=saved(cmyk, "JPEG", quality=98), shown=shown, note=formula),
        Odd(name="cmyk.tif", data=saved(cmyk, "TIFF"), shown=shown, note=formula),
        Odd(name="cmyk-deep.tif", data=raw_tiff(deep, photometric=5), shown=shown, note=formula),
        Odd(name="cmyk-profile.jpg", data=saved(by_profile, "JPEG", quality=98, icc_profile=cmyk_profile()), shown=level_50, mode="L", note="by its ICC profile"),
        Odd(name="cmyk-profile.tif", data=saved(by_profile, "TIFF", icc_profile=cmyk_profile()), shown=level_50, mode="L", note="by its ICC profile"),
        Odd(name="ycbcr.tif", data=saved(rgb.convert("YCbCr"), "TIFF"), shown=photo(), note="YCbCr converted"),
        Odd(name="lab.tif", data=saved(lab, "TIFF"), shown=np.full((HEIGHT, WIDTH, 3), 255, np.uint8), note="LAB converted"),
    ]  # fmt: skip


def _oriented() -> list[Odd]:
    image, found = Image.fromarray(photo()), []
    for orientation in range(1, 9):
        upright = _viewed(image, orientation)
        data = saved(image, "JPEG", quality=98, exif=exif_block(orientation))
        found.append(
            Odd(
                name=f"turned-{orientation}.jpg",
                data=data,
                shown=upright,
                keeps=frozenset({"exif"}),
            )
        )
    rgba = Image.fromarray(np.dstack([photo(), slope()]))
    turned = np.rot90(slope(), -1)
    cases = (("PNG", "png", {}), ("WEBP", "webp", {"lossless": True}), ("TIFF", "tif", {}))
    for name, suffix, options in cases:
        data = saved(rgba, name, exif=exif_block(6), **options)
        shown = _viewed(image, 6)
        found.append(
            Odd(name=f"turned-rgba.{suffix}", data=data, shown=shown, alpha=turned, mode="RGBA", keeps=frozenset({"exif"}))
        )  # fmt: skip
    avif = saved(image, "AVIF", quality=95, subsampling="4:4:4", exif=exif_block(8))
    shown = _viewed(image, 8)
    return [*found, Odd(name="turned.avif", data=avif, shown=shown, keeps=frozenset({"exif"}))]


def _viewed(image: Image.Image, orientation: int) -> np.ndarray:
    tagged = image.copy()
    tagged.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(tagged))


def _profiled() -> list[Odd]:
    rgb, grey = vivid(), grey_of(photo())[:, :, 0]
    wide, linear = make_profile(DISPLAY_P3), make_profile(None, 1.0)
    image, grey_image = Image.fromarray(rgb), Image.fromarray(grey)
    in_p3 = {"shown": convert_to_srgb(rgb, wide), "keeps": frozenset({"icc"})}
    brightened = np.repeat(convert_to_srgb(grey, linear)[:, :, None], 3, 2)
    as_rgb = np.repeat(grey[:, :, None], 3, 2)
    few = image.quantize(16)
    few_in_p3 = convert_to_srgb(np.asarray(few.convert("RGB")), wide)
    return [
        Odd(name="wide-gamut.png", data=saved(image, "PNG", icc_profile=wide), **in_p3),
        Odd(name="wide-gamut.jpg", data=saved(image, "JPEG", quality=98, icc_profile=wide), **in_p3),
        Odd(name="wide-gamut.tif", data=saved(image, "TIFF", icc_profile=wide), **in_p3),
        Odd(name="wide-gamut.webp", data=saved(image, "WEBP", lossless=True, icc_profile=wide), **in_p3),
        Odd(name="wide-gamut-palette.png", data=saved(few, "PNG", icc_profile=wide), shown=few_in_p3, keeps=frozenset({"icc"})),
        Odd(name="grey-profile.png", data=saved(grey_image, "PNG", icc_profile=linear), shown=brightened, mode="L", keeps=frozenset({"icc"})),
        Odd(name="grey-rgb-profile.jpg", data=saved(grey_image, "JPEG", quality=98, icc_profile=srgb_profile()), shown=as_rgb, mode="L", note="ICC profile is for RGB"),
        Odd(name="rgb-grey-profile.png", data=saved(image, "PNG", icc_profile=linear), shown=rgb, note="ICC profile is for GRAY"),
        Odd(name="broken-profile.jpg", data=saved(image, "JPEG", quality=98, icc_profile=b"no profile" * 30), shown=rgb, note="ICC profile is damaged"),
    ]  # fmt: skip


def _stated_colours() -> list[Odd]:
    rgb = vivid()
    png = saved(Image.fromarray(rgb), "PNG")
    in_p3 = convert_to_srgb(rgb, make_profile(DISPLAY_P3))
    p3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    bt709 = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    gamma, linear = (b"gAMA", struct.pack(">I", 45455)), (b"gAMA", struct.pack(">I", 100000))
    brighter = convert_to_srgb(rgb, make_profile(DISPLAY_P3, 1.0))
    icc = frozenset({"icc"})
    return [
        Odd(name="chunks-p3.png", data=with_chunks(png, [gamma, (b"cHRM", struct.pack(">8I", *p3))]), shown=in_p3, keeps=icc),
        Odd(name="chunks-srgb.png", data=with_chunks(png, [gamma, (b"cHRM", struct.pack(">8I", *bt709))]), shown=rgb),
        Odd(name="chunk-srgb.png", data=with_chunks(png, [(b"sRGB", b"\0"), linear]), shown=rgb),
        Odd(name="chunks-linear-p3.png", data=with_chunks(png, [linear, (b"cHRM", struct.pack(">8I", *p3))]), shown=brighter, keeps=icc),
        Odd(name="numbers-p3.png", data=with_chunks(png, [(b"cICP", bytes((12, 13, 0, 1)))]), shown=in_p3, keeps=icc),
        Odd(name="numbers-pq.png", data=with_chunks(png, [(b"cICP", bytes((9, 16, 0, 1)))]), shown=rgb, note="(PQ)"),
        Odd(name="impossible-white.png", data=with_chunks(png, [(b"cHRM", bytes(32))]), shown=rgb, note="impossible"),
    ]  # fmt: skip


def _with_metadata() -> list[Odd]:
    rgb, image = vivid(), Image.fromarray(vivid())
    every = {"exif": exif_block(), "xmp": XMP, "icc_profile": make_profile(DISPLAY_P3)}
    shown = convert_to_srgb(rgb, make_profile(DISPLAY_P3))
    keeps = frozenset({"exif", "xmp", "icc"})
    found = [
        Odd(name=f"all.{suffix}", data=saved(image, name, **every, **options), shown=shown, keeps=keeps)
        for name, suffix, options in (
            ("JPEG", "jpg", {"quality": 98}),
            ("WEBP", "webp", {"lossless": True}),
            ("AVIF", "avif", {"quality": 95, "subsampling": "4:4:4"}),
        )
    ]  # fmt: skip
    png = saved(image, "PNG", exif=exif_block(), icc_profile=every["icc_profile"])
    packet = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    hidden = [
        (b"tEXt", f"Raw profile type {name}\0\n{name}\n{len(data):8}\n{data.hex()}\n".encode())
        for name, data in (("exif", exif_block()), ("xmp", XMP))
    ]
    plain = saved(image, "PNG")
    djxl = f"Raw profile type exif\0\nexif\n{36:8}\n{bytes(4).hex()}4d4d002a{bytes(28).hex()}\n"
    tags = Image.Exif()
    tags[MAKER], tags[700] = "maker", XMP
    tiff = saved(image, "TIFF", exif=tags, icc_profile=every["icc_profile"], compression="tiff_lzw")
    texts = [(b"tEXt", b"Title\0Cat"), (b"tEXt", b"Author\0Nobody")]
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x04\x1c\x02\0\0"
    jpeg = saved(image, "JPEG", quality=98)
    with_iptc = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + jpeg[2:]
    return [
        *found,
        Odd(name="all.png", data=with_chunks(png, [packet]), shown=shown, keeps=keeps),
        Odd(name="all.tif", data=tiff, shown=shown, keeps=keeps),
        Odd(name="hidden-in-text.png", data=with_chunks(plain, hidden), shown=rgb, keeps=frozenset({"exif", "xmp"})),
        Odd(name="exif-of-djxl.png", data=with_chunks(plain, [(b"tEXt", djxl.encode())]), shown=rgb, note="EXIF in PNG text is unreadable"),
        Odd(name="text.png", data=with_chunks(plain, texts), shown=rgb, note="PNG text dropped: Title, Author"),
        Odd(name="comment.jpg", data=saved(image, "JPEG", quality=98, comment="hello"), shown=rgb, note="comment dropped"),
        Odd(name="iptc.jpg", data=with_iptc, shown=rgb, note="IPTC dropped"),
        Odd(name="unreadable-exif.jpg", data=saved(image, "JPEG", quality=98, exif=b"Exif\0\0no tags"), shown=rgb),
    ]  # fmt: skip


def _several() -> list[Odd]:
    rgb = photo()
    first, second = Image.fromarray(rgb), Image.fromarray(rgb[::-1].copy())
    few, turned = first.quantize(16), second.quantize(16)
    options = {"save_all": True, "duration": 100}
    only_first = "only the first of 3"
    frames = {"append_images": [second, first], **options}
    return [
        Odd(name="animated.gif", data=saved(few, "GIF", append_images=[turned, few], optimize=False, **options), shown=np.asarray(few.convert("RGB")), note=only_first),
        Odd(name="animated.png", data=saved(first, "PNG", **frames), shown=rgb, note=only_first),
        Odd(name="animated.webp", data=saved(first, "WEBP", lossless=True, **frames), shown=rgb, note=only_first),
        Odd(name="animated.avif", data=saved(first, "AVIF", quality=95, subsampling="4:4:4", **frames), shown=rgb, note=only_first),
        Odd(name="pages.tif", data=saved(first, "TIFF", save_all=True, append_images=[second, first]), shown=rgb, note=only_first),
        Odd(name="pair.mpo", data=saved(first, "MPO", save_all=True, append_images=[second], quality=98), shown=rgb, note="only the first of 2"),
        Odd(name="sizes.ico", data=saved(first.resize((64, 64)), "ICO", sizes=[(64, 64), (32, 32)]), shown=np.asarray(first.resize((64, 64))), note="only the largest of 2"),
    ]  # fmt: skip


def _sizes() -> list[Odd]:
    found = []
    for width, height in ((1, 1), (1, 2), (2, 1), (3, 3), (1, 300), (63, 65), (64, 64), (129, 2)):
        rgb = photo(width, height)
        data = saved(Image.fromarray(rgb), "PNG")
        found.append(Odd(name=f"size-{width}x{height}.png", data=data, shown=rgb, tolerance=6))
    for width, height in ((5000, 3), (3, 5000)):
        rgb = np.tile(photo(100, 3), (1, 50, 1))
        rgb = rgb if width > height else rgb.swapaxes(0, 1)
        data = saved(Image.fromarray(np.ascontiguousarray(rgb)), "PNG")
        found.append(Odd(name=f"size-{width}x{height}.png", data=data, shown=rgb, tolerance=6))
    return found


def _other_formats() -> list[Odd]:
    rgb, image = photo(), Image.fromarray(photo())
    return [
        Odd(name=f"rgb.{suffix}", data=saved(image, name, **options), shown=rgb)
        for name, suffix, options in (
            ("BMP", "bmp", {}), ("DIB", "dib", {}), ("TGA", "tga", {}), ("PCX", "pcx", {}),
            ("SGI", "sgi", {}), ("QOI", "qoi", {}), ("PPM", "ppm", {}), ("JPEG2000", "jp2", {}),
            ("TIFF", "tif", {"compression": "tiff_adobe_deflate"}), ("WEBP", "webp", {"lossless": True}),
            ("AVIF", "avif", {"quality": 95, "subsampling": "4:4:4"}),
        )
    ]  # fmt: skip
