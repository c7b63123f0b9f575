"""Compressing one picture of a batch: from its file to the bytes of a .lic file."""

import io
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licodec.batch.jobs import Coded, Job, Result
from licodec.batch.outputs import read_bytes
from licodec.batch.paths import PathRules
from licodec.batch.resume import check_settings, read_finished
from licodec.batch.worker import Worker
from licodec.config import (
    CHOICES,
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_PIXELS,
    MAX_QUALITY,
    METADATA_KINDS,
    check_content,
    choice_of,
    family_of,
    quality_to_index,
    search_seconds,
)
from licodec.errors import LicodecError

if TYPE_CHECKING:
    from licodec.image.picture import Picture
    from licodec.inspect import Info
    from licodec.search.overfit import Progress
    from licodec.search.target import Target

TARGETS = ("bpp", "size", "psnr", "ssimulacra2")

# Called with a search's seconds; in its block, what it gives is called after each round.
Watch = Callable[[float], "AbstractContextManager[Callable[[Progress], None] | None]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """What a file shall reach, and how long its encoder may take.

    Raises:
        ValueError: a value out of range, or an unknown tune or quantizer.
    """

    quality: float = DEFAULT_QUALITY  # 1 to 100
    target: tuple[str, float] | None = None  # name in TARGETS, value; in place of the quality
    tune: str = DEFAULT_TUNE
    effort: int = DEFAULT_EFFORT
    quantizer: str | None = None  # None chooses by the effort
    time_budget: float | None = None  # seconds; None chooses by the effort
    content: str = DEFAULT_CONTENT  # what the picture shows, one of config.CONTENTS
    lossless: bool = False  # in place of all but the effort

    def __post_init__(self) -> None:
        quality_to_index(self.quality)  # complains, as do the next lines
        choice_of(self.effort, self.quantizer)
        family_of(self.tune)
        check_content(self.content)
        if self.target is not None and self.target[0] not in TARGETS:
            raise ValueError(f"target is {self.target[0]!r}, expected one of: {', '.join(TARGETS)}")

    @property
    def quantizer_in_file(self) -> str:
        """What `licodec info` tells of the file."""
        return CHOICES[choice_of(self.effort, self.quantizer)]

    def search_seconds(self, num_pixels: int) -> float:
        """Time that a picture's search may take, 0 without one."""
        if self.lossless:
            return 0.0
        if self.time_budget is not None:
            return self.time_budget
        return search_seconds(self.effort, num_pixels)

    def arguments(self, picture: "Picture") -> dict[str, Any]:
        """Keywords for `Codec.encode_picture`."""
        optional = {
            "quantizer": self.quantizer,
            "time_budget": self.time_budget,
            "target": self._target_for(picture),
        }
        given = {name: value for name, value in optional.items() if value is not None}
        fixed = {"quality": self.quality, "effort": self.effort, "content": self.content}
        return fixed | given

    def notes(self, picture: "Picture", num_bytes: int, quality: float | None) -> tuple[str, ...]:
        """What is to be told of a file with this size and quality, None if it is lossless."""
        if self.target is None:
            return ()
        from licodec.search.target import notes_on_size

        reached = MAX_QUALITY if quality is None else quality
        return notes_on_size(self._target_for(picture), num_bytes, reached)

    def _target_for(self, picture: "Picture") -> "Target | None":
        if self.target is None:
            return None
        from licodec.search.target import target_of

        name, value = self.target
        return target_of(picture.width * picture.height, **{name: value})


@dataclass(frozen=True, kw_only=True)
class Compression:
    """Work of a run that makes .lic files; see `Work`."""

    options: EncodeOptions = field(default_factory=EncodeOptions)
    profile: str = DEFAULT_PROFILE
    keep: frozenset[str] = frozenset(METADATA_KINDS)  # kinds of metadata
    max_pixels: int = MAX_PIXELS
    watch: Watch | None = None  # of searches in this process
    command: str = "compress"

    @property
    def settings(self) -> dict[str, Any]:
        told = asdict(self.options)
        name, value = told.pop("target") or (None, None)
        in_file = ("quality", "tune", "lossless", "content")
        others = {name: value for name, value in told.items() if name not in in_file}
        targets = dict.fromkeys(TARGETS) | ({} if name is None else {name: value})
        return others | targets | {"metadata": sorted(self.keep)}

    @property
    def defaults(self) -> dict[str, Any]:
        return Compression().settings

    def find_finished(self, job: Job) -> Result | None:
        """The result of an earlier run with the same quality, profile, tune and quantizer, as far
        as the file names them."""
        info = read_finished(Path(job.target), Path(job.source), {})
        if info is None:
            return None
        is_layered = info.coding == "layers" and self.options.content == "photo"
        if self.options.lossless or info.family is None or is_layered:
            self._check_coding(job.target, info)
            return Result.of_finished(info)
        settings = {
            "profile": self.profile,
            "tune": self.options.tune,
            "quantizer": self.options.quantizer_in_file,
        }
        check_settings(Path(job.target), info, settings)
        if self.options.target is None and info.quality_index is not None:
            self._check_quality(job.target, info.quality_index)
        return Result.of_finished(info)

    def _check_coding(self, target: str, info: "Info") -> None:
        """Compare how a picture is coded, and the quality that was asked for if pixels changed."""
        wanted = round(self.options.quality)
        if self.options.lossless:
            if info.coding == "lossless":
                return
            made = "was not made lossless"
        elif self.options.content == "photo":
            made = f"was made as {info.coding}, not as photo"
        elif info.quality is None or self.options.target is not None or info.quality == wanted:
            return
        else:
            made = f"was made with quality {info.quality:g}, not {wanted}"
        raise LicodecError(f"output {target} {made}; replace it with --force")

    def _check_quality(self, target: str, index: int) -> None:
        """Compare the knobs: at the top of the scale several have one quality to show."""
        from licodec.profiles import quality_scale

        scale = quality_scale(family_of(self.options.tune))
        wanted = scale.to_index(self.options.quality)
        if index == wanted:
            return
        made, asked = str(scale.shown(index)), str(scale.shown(wanted))
        if made == asked:
            made, asked = f"{made} (step {index})", f"{asked} (step {wanted})"
        raise LicodecError(
            f"output {target} was made with quality {made}, not {asked}; replace it with --force"
        )

    def num_pixels(self, job: Job) -> float:
        from PIL import Image

        from licodec.image.faults import PILLOW_FAULTS, warnings_silenced
        from licodec.image.formats import READ_FORMATS

        try:
            with warnings_silenced(), Image.open(job.source, formats=READ_FORMATS) as image:
                return image.width * image.height
        except PILLOW_FAULTS:
            return math.inf
        except Image.DecompressionBombError:
            return math.inf

    def code(self, job: Job, worker: Worker) -> Coded:
        from licodec.inspect import read_info

        picture = self._read(job.source)
        num_pixels = picture.width * picture.height
        seconds = self.options.search_seconds(num_pixels)
        arguments = self.options.arguments(picture)
        with nullcontext() if self.watch is None else self.watch(seconds) as report:
            if report is not None:
                arguments["report"] = report
            if self.options.lossless:
                timed = worker.encode_lossless(picture, self.options.effort)
            else:
                timed = worker.encode(picture, self.profile, self.options.tune, arguments)
        info = read_info(timed.value)
        result = Result(
            width=picture.width,
            height=picture.height,
            num_bytes=info.num_bytes,
            bpp=info.bpp,
            quality=info.quality,
            profile=info.profile,
            tune=info.tune,
            coding=info.coding,
            notes=picture.notes + self.options.notes(picture, info.num_bytes, info.quality),
            **timed.times,
        )
        return Coded(timed.value, result)

    def _read(self, source: str) -> "Picture":
        from licodec.image.files import read_picture
        from licodec.image.keep import keep_only

        stream = io.BytesIO(read_bytes(source))
        picture = read_picture(
            stream, max_pixels=self.max_pixels, keeps_hidden=self.options.lossless
        )
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
        return path.with_name(path.name + ".lic") if keeps_extension else path.with_suffix(".lic")

    return PathRules(
        rename=rename,
        keeps_folders=keeps_folders,
        is_input=lambda path: path.suffix.lower() in READ_SUFFIXES,
        is_unread=lambda path: path.suffix.lower() in UNREAD_SUFFIXES,
        problem_of=_problem_of,
        what="pictures",
        advice="use --keep-extension or --keep-folders, or ",
    )


def _problem_of(path: Path) -> str:
    """That a file is a .lic file, whatever its output would be."""
    from licodec.container.format import MAGIC_BYTES
    from licodec.image.strangers import name_stranger

    if path.suffix.lower() != ".lic":
        return ""
    try:
        with path.open("rb") as stream:
            head = stream.read(len(MAGIC_BYTES))
    except OSError:
        return ""  # told where the file is read
    return name_stranger(head) if head == MAGIC_BYTES else ""
