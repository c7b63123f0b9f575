"""Jobs of a batch, and what comes of them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from licodec.errors import LicodecError

if TYPE_CHECKING:
    from licodec.inspect import Info


class FatalError(LicodecError):
    """No job of a run can succeed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input with its output; either may be `PIPE`."""

    source: str
    target: str
    problem: str = ""  # why it cannot be done, known before


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a job did; the fields are those of a JSON line."""

    width: int  # pixels
    height: int  # pixels
    num_bytes: int  # of the .lic file
    bpp: float
    quality: float | None  # None of a lossless file
    profile: str | None  # None of a file without weights
    tune: str | None  # what the file is made for; None if that is not known, or without weights
    coding: str  # one of licodec.inspect.CODINGS
    seconds: float = 0.0  # coding alone
    model_seconds: float = 0.0  # loading weights, 0 if that had been done
    stages_s: dict[str, float] = field(default_factory=dict)  # seconds of the stages of coding
    notes: tuple[str, ...] = ()
    skipped: bool = False  # finished by an earlier run; nothing was coded

    @classmethod
    def of(cls, info: "Info") -> "Result":
        """What a .lic file says about itself."""
        return cls(
            width=info.width,
            height=info.height,
            num_bytes=info.num_bytes,
            bpp=info.bpp,
            quality=info.quality,
            profile=info.profile,
            tune=info.tune,
            coding=info.coding,
        )


@dataclass(frozen=True, slots=True)
class Coded:
    """A job whose output is not written yet."""

    data: bytes  # the output
    result: Result


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a job: a result, or the error that it failed by."""

    job: Job
    result: Result | None
    error: Exception | None = None

    @property
    def status(self) -> str:
        """One of "done", "skipped" and "failed"."""
        if self.result is None:
            return "failed"
        return "skipped" if self.result.skipped else "done"


def explain(error: BaseException) -> str:
    """The one line that users read of an exception that a job failed by."""
    if isinstance(error, LicodecError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs or use a smaller picture"
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    text = " ".join(str(error).split())
    return f"defect: {type(error).__name__}: {text}; run again with --debug and report it"
