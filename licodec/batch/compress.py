"""Compressing one picture of a batch: from its file to the bytes of a .lic file."""

import io
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licodec.batch.jobs import Coded, FatalError, Job, Result
from licodec.batch.paths import PathRules
from licodec.batch.resume import read_finished
from licodec.batch.worker import Times, Worker
from licodec.config import (
    CHOICES,
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_QUALITY,
    METADATA_KINDS,
    check_content,
    choice_of,
    family_of,
    quality_to_index,
    search_seconds,
)
from licodec.errors import LicodecError, ModelError
from licodec.files import read_bytes
from licodec.search.target import Target, notes_on_size, target_of

if TYPE_CHECKING:
    from licodec.image.picture import Picture
    from licodec.inspect import Info
    from licodec.search.overfit import Progress

# Called after each round of a search.
OnRound = Callable[["Progress"], None]
# Called with the seconds of a search; in its block, gives what is called after each round.
Watch = Callable[[float], AbstractContextManager[OnRound | None]]

# Options that the file itself carries.
_IN_FILE = ("quality", "tune", "lossless", "content")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """What a file shall reach, and how long its encoder may take; as of `licodec.encode`.

    Raises:
        ValueError: a value out of range, two targets, or an unknown tune, quantizer or content.
    """

    quality: float = DEFAULT_QUALITY  # 1 to 100; the next four, the targets, take its place
    bpp: float | None = None  # bits per pixel of the file
    size: float | None = None  # bytes of the file
    psnr: float | None = None  # dB
    ssimulacra2: float | None = None  # points
    lossless: bool = False  # in place of all but the effort
    tune: str = DEFAULT_TUNE
    effort: int = DEFAULT_EFFORT
    time_budget: float | None = None  # seconds; None chooses by the effort
    quantizer: str | None = None  # None chooses by the effort
    content: str = DEFAULT_CONTENT

    def __post_init__(self) -> None:
        quality_to_index(self.quality)  # complains, as do the next lines
        choice_of(self.effort, self.quantizer)
        family_of(self.tune)
        check_content(self.content)
        self.target(1)

    def target(self, num_pixels: int) -> Target | None:
        """What a picture of so many pixels shall reach in place of the quality."""
        return target_of(
            num_pixels, bpp=self.bpp, size=self.size, psnr=self.psnr, ssimulacra2=self.ssimulacra2
        )

    def search_seconds(self, num_pixels: int) -> float:
        """Time that a picture's search may take, 0 without one."""
        if self.lossless:
            return 0.0
        if self.time_budget is not None:
            return self.time_budget
        return search_seconds(self.effort, num_pixels)


@dataclass(frozen=True, kw_only=True)
class Compression:
    """Work of a run that makes .lic files; see `Work`."""

    options: EncodeOptions = field(default_factory=EncodeOptions)
    profile: str = DEFAULT_PROFILE
    keep: frozenset[str] = frozenset(METADATA_KINDS)  # kinds of metadata
    watch: Watch | None = None  # of searches in this process
    command: str = "compress"

    @property
    def settings(self) -> dict[str, Any]:
        options = {k: v for k, v in asdict(self.options).items() if k not in _IN_FILE}
        return options | {"metadata": sorted(self.keep)}

    def find_finished(self, job: Job) -> Result | None:
        """The result of an earlier run with the same quality, profile, tune and quantizer, as far
        as the file names them."""
        target, options = Path(job.target), self.options
        quantizer = CHOICES[choice_of(options.effort, options.quantizer)]
        settings = {"profile": self.profile, "tune": options.tune, "quantizer": quantizer}
        info = read_finished(target, Path(job.source), {} if options.lossless else settings)
        if info is None:
            return None
        made = self._made_otherwise(info)
        if made is not None:
            raise LicodecError(f"output {target} {made}; replace it with --force")
        return replace(Result.of(info), skipped=True)

    def _made_otherwise(self, info: "Info") -> str | None:
        """How a picture was coded, or its quality, if not as it shall be."""
        options = self.options
        if options.lossless:
            return None if info.coding == "lossless" else "was not made lossless"
        if options.content == "photo" and info.coding != "photo":
            return f"was made as {info.coding}, not as photo"
        if options.target(1) is not None or info.quality is None:
            return None
        if info.quality_index is None:
            made, asked = f"{info.quality:g}", str(round(options.quality))
        else:
            from licodec.profiles import quality_scale

            scale = quality_scale(family_of(options.tune))
            wanted = scale.to_index(options.quality)
            made, asked = str(scale.shown(info.quality_index)), str(scale.shown(wanted))
            if made == asked and info.quality_index != wanted:  # at the top several have one name
                made, asked = f"{made} (step {info.quality_index})", f"{asked} (step {wanted})"
        return None if made == asked else f"was made with quality {made}, not {asked}"

    def num_pixels(self, job: Job) -> float:
        from PIL import Image

        from licodec.image.faults import PILLOW_FAULTS, warnings_silenced
        from licodec.image.formats import READ_FORMATS

        faults = suppress(*PILLOW_FAULTS, Image.DecompressionBombError)
        with faults, warnings_silenced(), Image.open(job.source, formats=READ_FORMATS) as image:
            return image.width * image.height
        return math.inf

    def code(self, job: Job, worker: Worker) -> Coded:
        from licodec.inspect import read_info

        picture = self._read(job.source, worker.max_pixels)
        num_pixels = picture.width * picture.height
        target, seconds = self.options.target(num_pixels), self.options.search_seconds(num_pixels)
        with nullcontext() if self.watch is None else self.watch(seconds) as report:
            data, times = self._encode(picture, target, report, worker)
        info = read_info(data)
        quality = MAX_QUALITY if info.quality is None else info.quality
        notes = picture.notes + notes_on_size(target, len(data), quality)
        return Coded(data, replace(Result.of(info), notes=notes, **times))

    def _encode(
        self, picture: "Picture", target: Target | None, report: OnRound | None, worker: Worker
    ) -> tuple[bytes, Times]:
        options = self.options
        if options.lossless:
            from licodec.lossless import encode_lossless_picture

            return worker.run(lambda: encode_lossless_picture(picture, effort=options.effort))
        try:
            return worker.run_codec(
                self.profile,
                options.tune,
                lambda codec: codec.encode_picture(
                    picture,
                    quality=options.quality,
                    target=target,
                    effort=options.effort,
                    time_budget=options.time_budget,
                    quantizer=options.quantizer,
                    content=options.content,
                    report=report,
                ),
            )
        except ModelError as error:
            raise FatalError(str(error)) from error

    def _read(self, source: str, max_pixels: int) -> "Picture":
        from licodec.image.files import read_picture
        from licodec.image.keep import keep_only

        stream = io.BytesIO(read_bytes(source))
        picture = read_picture(stream, max_pixels=max_pixels, keeps_hidden=self.options.lossless)
        return keep_only(picture, self.keep)


def compression_paths(*, keeps_extension: bool = False, keeps_folders: bool = False) -> PathRules:
    """Pictures in, .lic files of the same name out.

    Args:
        keeps_extension: outputs are named photo.png.lic.
        keeps_folders: the whole path of an input is kept below the output's folder.
    """
    from licodec.image.formats import READ_SUFFIXES
    from licodec.image.strangers import UNREAD_SUFFIXES

    def rename(path: Path) -> Path:
        # A .lic file, which reading refuses, is not to be taken for its own output before.
        is_added = keeps_extension or path.suffix.lower() == ".lic"
        return path.with_name(path.name + ".lic") if is_added else path.with_suffix(".lic")

    return PathRules(
        rename=rename,
        keeps_folders=keeps_folders,
        is_input=lambda path: path.suffix.lower() in READ_SUFFIXES,
        is_unread=lambda path: path.suffix.lower() in UNREAD_SUFFIXES,
        what="pictures",
        apart_by_name="" if keeps_extension else "--keep-extension",
    )
