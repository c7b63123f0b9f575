"""What users call: encodes pictures to .lic bytes and decodes them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from licodec.codec.autocast import no_autocast
from licodec.codec.compatibility import check_family
from licodec.codec.crop import check_region, cut, downscale
from licodec.codec.decode import decode_pixels, decode_preview, preview_level
from licodec.codec.device import find_device
from licodec.codec.model import Family, Synthesis, load_family, load_synthesis
from licodec.codec.region import Region
from licodec.config import (
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_PIXELS,
    MAX_QUALITY,
    METADATA_KINDS,
    check_content,
    check_effort,
    check_names,
    check_time_budget,
    family_of,
)
from licodec.container.format import ALPHA, LAYER, Container, Header
from licodec.container.read import read_container
from licodec.encoder import PhotoEncoder
from licodec.errors import PictureWarning
from licodec.graphics.choose import Layers, RivalChooser
from licodec.graphics.layer import lay_over, shrink_layer, unpack_layer
from licodec.graphics.margins import margins_of
from licodec.image.convert import picture_given, to_image
from licodec.image.lossless import unpack_alpha
from licodec.image.picture import Picture
from licodec.lossless import check_alone, decode_lossless, encode_lossless_picture
from licodec.memory import check_memory, decode_bytes
from licodec.profiles import family_name, find_profile, read_scale
from licodec.search.target import Target, notes_on_size, target_of
from licodec.sections import picture_with_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from licodec.search.overfit import Progress


class Codec:
    """One profile and tune, loaded once for many pictures; decodes files of every tune.

    Attributes:
        info: description of the profile.
        scale: maps qualities to the file's knob, as the tune's family has it.
        last_timings: seconds by stage of the last encode or decode.

    Args:
        profile: name from `licodec profiles`.
        device: "auto", "cpu" or "cuda".
        tune: what files are made for: "visual", how people see them, or "psnr".
        max_pixels: `decode` refuses larger pictures before memory is reserved.

    Raises:
        ModelError: unknown profile, or unusable weights.
        TypeError: a name that is no text.
        ValueError: unusable device, or unknown tune.
    """

    def __init__(
        self,
        profile: str = DEFAULT_PROFILE,
        device: str = "auto",
        tune: str = DEFAULT_TUNE,
        *,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        check_names(profile=profile, tune=tune, device=device)
        self.info = find_profile(profile, family_of(tune))
        self.scale = read_scale(self.info.family_path)
        self.device = find_device(device)
        self.max_pixels = max_pixels
        self.last_timings: dict[str, float] = {}
        self._family = load_family(self.info)
        self._synthesis = load_synthesis(self.info, self._family.config)
        self._encoder = PhotoEncoder(
            self.info, self._family, self._synthesis, self.scale, self.device
        )
        self._others: dict[str, tuple[Family, Synthesis]] = {}  # for files of other families

    def encode(
        self,
        image: Image | NDArray[Any],
        *,
        lossless: bool = False,
        quality: float | None = None,
        bpp: float | None = None,
        size: float | None = None,
        psnr: float | None = None,
        ssimulacra2: float | None = None,
        effort: int = DEFAULT_EFFORT,
        time_budget: float | None = None,
        quantizer: str | None = None,
        content: str = DEFAULT_CONTENT,
        keep: Iterable[str] = METADATA_KINDS,
    ) -> bytes:
        """Compress a picture; a `PictureWarning` says what is changed or dropped beforehand.

        Args:
            image: Pillow image or uint8 array, see `licodec.image.convert`.
            lossless: keep every pixel, see `licodec.encode`.
            quality: 1 (smallest) to 100 (best, not lossless); 75 if neither this nor one of the
                next four, which exclude each other, is given.
            bpp: bits per pixel that the file stays under; by at most 1 % if a quality reaches them.
            size: bytes that the file stays under; by at most 1 % if a quality reaches them.
            psnr: dB that the picture comes up to, within 0.05 unless a drawing is kept exactly.
            ssimulacra2: points that it comes up to, within 0.5 likewise; sides from 8 pixels on.
            effort: 0 (fastest) to 9 (smallest file), see `licodec.config.EFFORT_CHOICES`.
            time_budget: seconds for the search of a latent in place of the effort's own.
            quantizer: key of `licodec.config.CHOICES` in place of the effort's own.
            content: "auto", "photo" or "graphics", see `licodec.encode`.
            keep: kinds of metadata to keep, see `licodec.encode`.

        Raises:
            ImageError: the picture cannot be converted, or a side is above 2^24 pixels.
            NotEnoughMemoryError: the picture would not fit into memory.
            TargetError: what is asked for cannot be reached; names the nearest that can.
            TypeError: an argument of the wrong type.
            ValueError: an argument out of range, two that exclude each other, an unknown quantizer
                or kind of metadata.
        """
        if lossless:
            check_alone(
                quality=quality,
                bpp=bpp,
                size=size,
                psnr=psnr,
                ssimulacra2=ssimulacra2,
                time_budget=time_budget,
                quantizer=quantizer,
            )
        picture = picture_given(image, keep, keeps_hidden=lossless, stacklevel=3)
        if lossless:
            return encode_lossless_picture(picture, effort=effort)
        num_pixels = picture.width * picture.height
        target = target_of(num_pixels, bpp=bpp, size=size, psnr=psnr, ssimulacra2=ssimulacra2)
        if target is not None and quality is not None:
            raise ValueError("quality excludes bpp, size, psnr and ssimulacra2; give one of them")
        data = self.encode_picture(
            picture,
            quality=DEFAULT_QUALITY if quality is None else quality,
            target=target,
            effort=effort,
            time_budget=time_budget,
            quantizer=quantizer,
            content=content,
        )
        if target is not None:
            from licodec.inspect import read_info

            found = read_info(data).quality
            for note in notes_on_size(target, len(data), MAX_QUALITY if found is None else found):
                warnings.warn(note, PictureWarning, stacklevel=2)
        return data

    def decode(
        self,
        data: bytes | bytearray | memoryview,
        *,
        region: tuple[int, int, int, int] | None = None,
        max_size: int | None = None,
    ) -> Image:
        """Decompress a file, a region of it or a preview; see `licodec.decode`.

        Raises:
            BitstreamError: not a .lic file, newer, damaged or too large.
            ImageError: the region reaches beyond the picture.
            ModelError: made with a latent family that is not installed.
            NotEnoughMemoryError: the picture would not fit into memory.
            TypeError: an argument of the wrong type.
            ValueError: max_size below 1, or with a region.
        """
        from licodec.inspect import whole_bytes

        picture = self.decode_picture(whole_bytes(data), region=region, max_size=max_size)
        return to_image(picture)

    @no_autocast()
    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float = DEFAULT_QUALITY,
        target: Target | None = None,
        effort: int = DEFAULT_EFFORT,
        time_budget: float | None = None,
        quantizer: str | None = None,
        content: str = DEFAULT_CONTENT,
        report: Callable[[Progress], None] | None = None,
    ) -> bytes:
        """Compress pixels with their alpha plane and metadata. Errors as `encode`.

        Args:
            picture: as read.
            quality: 1 to 100; not used if there is a target.
            target: what to reach.
            effort, time_budget, quantizer, content: as of `encode`.
            report: called after each round of a search. Ctrl-C ends the search alone.
        """
        check_content(content)
        check_effort(effort)
        check_time_budget(time_budget)

        def encode(layers: Layers | None, *, is_quick: bool) -> bytes:
            data, self.last_timings = self._encoder.encode(
                picture,
                quality=quality,
                target=target,
                effort=min(effort, DEFAULT_EFFORT) if is_quick else effort,
                time_budget=0.0 if is_quick else time_budget,
                quantizer=quantizer,
                report=None if is_quick else report,
                layers=layers,
            )
            return data

        chooser = RivalChooser(
            picture,
            content,
            effort=effort,
            is_seen=self.info.family == family_of("visual"),
            wanted=target.wanted if target is not None and not target.is_size else None,
            limit=target.wanted if target is not None and target.is_size else None,
        )
        if not chooser.is_needed:
            return encode(None, is_quick=False)
        # A search gains less than what decides here, so that it waits for the decision.
        is_searched = effort > DEFAULT_EFFORT or bool(time_budget)
        choice = chooser.choose(
            lambda layers: encode(layers, is_quick=True),
            lambda data: self.decode_picture(data).pixels,
            self.scale.shown,
        )
        if is_searched and not choice.is_whole:
            return encode(choice.layers, is_quick=False)
        return choice.data

    def _weights_of(self, header: Header) -> tuple[Family, Synthesis]:
        """What decodes a file; weights of another family are loaded when one comes."""
        name = family_name(header.family_id)
        assert name is not None  # check_family has found it
        if name == self.info.family:
            return self._family, self._synthesis
        if name not in self._others:
            info = find_profile(self.info.name, name)
            family = load_family(info)
            self._others[name] = family, load_synthesis(info, family.config)
        return self._others[name]

    @no_autocast()
    def decode_picture(
        self,
        data: bytes | Container,
        *,
        region: tuple[int, int, int, int] | None = None,
        max_size: int | None = None,
    ) -> Picture:
        """Decompress to pixels with their alpha plane and metadata. Raises as `decode`.

        Args:
            data: the whole file, or what `read_container` found in it.
            region, max_size: as of `decode`.
        """
        container = data if isinstance(data, Container) else read_container(data, self.max_pixels)
        if container.is_lossless:
            self.last_timings = {}
            return decode_lossless(container, region=region, max_size=max_size)
        header = container.header
        check_family(header)
        part = check_region(region, max_size, header.width, header.height)
        level = 1 if max_size is None else preview_level(header.width, header.height, max_size)
        size = header.width, header.height
        alpha, layer = container.section(ALPHA), container.section(LAYER)
        is_laid = alpha is not None or layer is not None
        num_bytes = decode_bytes(*size, has_alpha=is_laid, level=level)
        check_memory(*size, num_bytes, "free some or decode a preview (max_size, --max-size)")
        plane = None if alpha is None else cut(unpack_alpha(alpha, *size), part)
        cover = None if layer is None else unpack_layer(layer, *size, part)
        pixels = self._decode_photo(container, part, max_size, level)
        shown = pixels.shape[1], pixels.shape[0]
        if plane is not None and max_size is not None:
            plane = downscale(plane, *size, shown)
        if cover is not None:
            pixels = lay_over(pixels, shrink_layer(cover, *shown))
        return picture_with_sections(container, pixels, plane)

    def _decode_photo(
        self, container: Container, part: Region | None, max_size: int | None, level: int
    ) -> NDArray[np.uint8]:
        """The photograph with its margins: all, a part or a preview from the planes of a level."""
        margins, header = margins_of(container), container.header
        view = margins.view(header.width, header.height, part, max_size)
        photo = margins.photo_of(container)
        family, synthesis = self._weights_of(header)
        self.last_timings = {}
        if level > 1:
            pixels = decode_preview(photo, family, level, self.last_timings)
        else:
            pixels = decode_pixels(photo, family, synthesis, self.last_timings, view.part)
        if max_size is not None and view.box is not None:
            size = photo.header.width, photo.header.height
            shown = view.box.width, view.box.height
            pixels = downscale(pixels, *size, shown, spacing_px=1 << (level - 1))
        return margins.put_around(pixels, view)
