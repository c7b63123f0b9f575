"""Compressing one picture of a batch: from its file to the bytes of a .lic file."""

import io
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licodec.batch.jobs import Coded, FatalError, Job, Result
from licodec.batch.paths import PathRules
from licodec.batch.resume import check_settings, read_finished
from licodec.batch.worker import Timed, Worker
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
    TARGETS,
    check_content,
    choice_of,
    family_of,
    quality_to_index,
    search_seconds,
)
from licodec.errors import LicodecError, ModelError
from licodec.files import read_bytes

if TYPE_CHECKING:
    from licodec.image.picture import Picture
    from licodec.inspect import Info
    from licodec.search.overfit import Progress
    from licodec.search.target import Target

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
        return {
            "quality": self.quality,
            "target": self._target_for(picture),
            "effort": self.effort,
            "time_budget": self.time_budget,
            "quantizer": self.quantizer,
            "content": self.content,
        }

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
        target, options = Path(job.target), self.options
        info = read_finished(target, Path(job.source), {})
        if info is None:
            return None
        made = self._other_coding(info)
        if made is None and info.family is not None:
            settings = {
                "profile": self.profile,
                "tune": options.tune,
                "quantizer": options.quantizer_in_file,
            }
            check_settings(target, info, settings)
        made = made or self._other_quality(info)
        if made is not None:
            raise LicodecError(f"output {target} {made}; replace it with --force")
        return replace(Result.of(info), skipped=True)

    def _other_coding(self, info: "Info") -> str | None:
        """How a picture was coded, if not as it shall be."""
        if self.options.lossless:
            return None if info.coding == "lossless" else "was not made lossless"
        if self.options.content == "photo" and info.coding != "photo":
            return f"was made as {info.coding}, not as photo"
        return None

    def _other_quality(self, info: "Info") -> str | None:
        """The quality of a file, if another one was asked for."""
        if self.options.target is not None or info.quality is None:
            return None
        if info.quality_index is None:
            made, asked = f"{info.quality:g}", str(round(self.options.quality))
        else:
            from licodec.profiles import quality_scale

            scale = quality_scale(family_of(self.options.tune))
            wanted = scale.to_index(self.options.quality)
            made, asked = str(scale.shown(info.quality_index)), str(scale.shown(wanted))
            if made == asked and info.quality_index != wanted:  # at the top several have one name
                made, asked = f"{made} (step {info.quality_index})", f"{asked} (step {wanted})"
        return None if made == asked else f"was made with quality {made}, not {asked}"

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
        seconds = self.options.search_seconds(picture.width * picture.height)
        arguments = self.options.arguments(picture)
        with nullcontext() if self.watch is None else self.watch(seconds) as report:
            if report is not None:
                arguments["report"] = report
            timed = self._encode(picture, worker, arguments)
        info = read_info(timed.value)
        notes = picture.notes + self.options.notes(picture, info.num_bytes, info.quality)
        return Coded(timed.value, replace(Result.of(info), notes=notes, **timed.times))

    def _encode(
        self, picture: "Picture", worker: Worker, arguments: dict[str, Any]
    ) -> Timed[bytes]:
        if self.options.lossless:
            from licodec.lossless import encode_lossless_picture

            effort = self.options.effort
            return worker.run(lambda: encode_lossless_picture(picture, effort=effort))
        try:
            return worker.run_codec(
                self.profile,
                self.options.tune,
                lambda codec: codec.encode_picture(picture, **arguments),
            )
        except ModelError as error:
            raise FatalError(str(error)) from error

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
