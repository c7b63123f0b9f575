"""Decompressing one .lic file of a batch, to the bytes of a picture file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licodec.batch.jobs import Coded, Job, Result
from licodec.batch.paths import PathRules
from licodec.batch.resume import is_finished
from licodec.batch.worker import Worker
from licodec.errors import ImageError, LicodecError
from licodec.files import read_bytes
from licodec.names import PIPE

if TYPE_CHECKING:
    from licodec.image.formats import WriteFormat


@dataclass(frozen=True, kw_only=True)
class Decompression:
    """Work of a run that makes pictures of .lic files; see `Work`."""

    profile: str | None = None  # None takes that of each file
    format_name: str | None = None  # of the pictures; None goes by the output's extension
    region: tuple[int, int, int, int] | None = None  # left, top, width, height in pixels
    max_size: int | None = None  # pixels of the longer side; excludes a region
    command: str = "decompress"

    @property
    def settings(self) -> dict[str, Any]:
        region = None if self.region is None else list(self.region)
        return {"profile": self.profile, "region": region, "max_size": self.max_size}

    def find_finished(self, job: Job) -> Result | None:
        """The result of an earlier run; what it was made with, the file does not say."""
        from licodec.inspect import read_info

        if not is_finished(Path(job.target), Path(job.source)):
            return None
        info = read_info(read_bytes(job.source))
        width, height = info.width, info.height
        if self.region is not None:
            width, height = self.region[2:]
        elif self.max_size is not None:
            from licodec.codec.crop import size_within

            width, height = size_within(width, height, self.max_size)
        profile = info.profile and (self.profile or info.profile)
        result = replace(Result.of(info), width=width, height=height, profile=profile)
        return replace(result, skipped=True)

    def num_pixels(self, job: Job) -> float:
        from licodec.container.read import read_front_from

        try:
            with open(job.source, "rb") as stream:
                header = read_front_from(stream).head
        except (OSError, LicodecError):  # an error where the file is read, which takes no memory
            return 0
        return header.width * header.height

    def code(self, job: Job, worker: Worker) -> Coded:
        from licodec.container.read import read_container
        from licodec.image.files import render_picture
        from licodec.image.strangers import check_is_lic
        from licodec.inspect import codec_of, describe

        data = read_bytes(job.source)
        check_is_lic(data)
        container = read_container(data, worker.max_pixels)
        result = Result.of(describe(container, len(data)))
        region, max_size = self.region, self.max_size
        if container.is_lossless:
            from licodec.lossless import decode_lossless

            picture, times = worker.run(
                lambda: decode_lossless(container, region=region, max_size=max_size)
            )
        else:
            profile, tune = codec_of(container.header, self.profile)
            result = replace(result, profile=profile)
            picture, times = worker.run_codec(
                profile,
                tune,
                lambda codec: codec.decode_picture(container, region=region, max_size=max_size),
            )
        rendered, notes = render_picture(picture, format_of(job.target, self.format_name))
        result = replace(
            result,
            width=picture.width,
            height=picture.height,
            notes=picture.notes + notes,
            **times,
        )
        return Coded(rendered, result)


def decompression_paths(
    format_name: str | None = None, *, keeps_folders: bool = False
) -> PathRules:
    """.lic files in, pictures out: a.png in another folder, a.lic.png beside a.lic.

    Raises:
        ImageError: unknown format.
    """
    suffix = format_of(PIPE, format_name).suffixes[0]

    def beside(path: Path) -> Path:
        """A name that the original cannot have, which may stand there."""
        return path.with_name(path.name + suffix)

    def rename(path: Path) -> Path:
        return path.with_suffix(suffix) if path.suffix.lower() == ".lic" else beside(path)

    return PathRules(
        rename=rename,
        beside=beside,
        keeps_folders=keeps_folders,
        is_input=lambda path: path.suffix.lower() == ".lic",
        what=".lic files",
    )


def format_of(target: str, format_name: str | None) -> "WriteFormat":
    """The format of an output.

    Raises:
        ImageError: unknown name or extension, or one of another format, or of a .lic file.
    """
    from licodec.image.formats import WRITE_SUFFIXES, find_format

    found = find_format(target, format_name or ("png" if target == PIPE else None))
    suffix = Path(target).suffix.lower()
    if suffix in WRITE_SUFFIXES | {".lic"} and suffix not in found.suffixes:
        raise ImageError(
            f"extension {suffix} is not one of {found.name} files; choose another name"
        )
    return found
