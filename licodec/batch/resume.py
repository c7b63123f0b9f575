"""Finds out whether an output of an earlier run need not be made again."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from licodec.errors import BitstreamError, LicodecError
from licodec.files import make_folder, system_errors
from licodec.inspect import Info, read_info_from

# Stands beside outputs that were made with other settings than a command's defaults.
RECORD_NAME = ".licodec-settings.jsonl"
_WAIT_S, _MOST_WAITS = 0.002, 10


def is_finished(target: Path, source: Path) -> bool:
    """Whether an output exists; since outputs take their name when they are complete, it is.

    Raises:
        LicodecError: it is older than its input, or the system refuses to say.
    """
    with system_errors():
        if not target.is_file():
            return False
        if target.stat().st_mtime_ns < source.stat().st_mtime_ns:
            raise LicodecError(f"output {target} is older than its input; replace it with --force")
    return True


def read_finished(target: Path, source: Path, settings: Mapping[str, object]) -> Info | None:
    """Description of a .lic file that need not be made again.

    Args:
        target: the .lic file.
        source: the picture.
        settings: what it must have been made with if it has a latent family, by the names of
            `Info`'s fields.

    Returns:
        None if there is no file.

    Raises:
        LicodecError: the file is older than the picture, is no complete .lic file, or was made with
            other settings.
    """
    if not is_finished(target, source):
        return None
    try:
        with system_errors(f"output {target} cannot be read"), target.open("rb") as stream:
            info = read_info_from(stream, target.stat().st_size)
    except BitstreamError as error:
        raise LicodecError(f"output {target} {error}; replace it with --force") from error
    for name, wanted in settings.items() if info.family is not None else ():
        found = getattr(info, name)
        if found != wanted:
            raise LicodecError(
                f"output {target} was made with {name} {found}, not {wanted}; "
                "replace it with --force"
            )
    return info


@dataclass(frozen=True, slots=True)
class _Run:
    began_ns: int  # by the clock of the folder's file system
    settings: dict[str, Any]


class SettingsRecord:
    """Settings that outputs do not carry, kept in a hidden file in the folder of the outputs.

    The file has a line for each change of settings, with its time: an output was made with those
    that were valid when it was written. A folder without the file has outputs of the defaults.
    All methods may be called by any thread, and by several processes with the same settings.

    Args:
        command: its name; others have lines of their own.
        settings: JSON values by name, the same names for every run of the command.
        defaults: the same for a run without options.
        is_kept: write settings that are not the defaults down; else only where a file is.
    """

    def __init__(
        self,
        command: str,
        settings: Mapping[str, Any],
        defaults: Mapping[str, Any],
        *,
        is_kept: bool,
    ) -> None:
        self._command = command
        self._settings = dict(settings)
        self._defaults = dict(defaults)
        self._is_kept = is_kept
        self._runs: dict[Path, list[_Run]] = {}
        self._noted: set[Path] = set()
        self._lock = threading.Lock()

    def check(self, target: Path) -> None:
        """Compare the settings with those that an existing output was made with.

        Raises:
            LicodecError: they differ, or the system refuses to say.
        """
        with system_errors():
            made_ns = target.stat().st_mtime_ns
        with self._lock:
            runs = [run for run in self._runs_in(target.parent) if run.began_ns <= made_ns]
        found = runs[-1].settings if runs else self._defaults
        for name, wanted in self._settings.items():
            if found.get(name) == wanted:
                continue
            made = f"was made with {_named(name, found.get(name))}, not {_named(name, wanted)}"
            if not runs:
                made = f"is not known to be made with {_named(name, wanted)}"
            raise LicodecError(f"output {target} {made}; replace it with --force")

    def note(self, folder: Path) -> None:
        """Write the settings down before an output is written; does nothing if they are there.

        Raises:
            LicodecError: the system refuses.
        """
        with self._lock:
            if folder in self._noted:
                return
            self._noted.add(folder)
            runs = self._runs_in(folder)
            latest = runs[-1].settings if runs else self._defaults
            record = folder / RECORD_NAME
            if latest == self._settings or not (self._is_kept or record.exists()):
                return
            make_folder(folder)
            line = {"command": self._command, "began_ns": 0, "settings": self._settings}
            with system_errors(f"{record} cannot be written"):
                line["began_ns"] = began_ns = _next_tick_ns(record)
                with record.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
            runs.append(_Run(began_ns, self._settings))

    def _runs_in(self, folder: Path) -> list[_Run]:
        """The command's lines, in order of time, as they were when they were first asked for."""
        if folder not in self._runs:
            try:
                lines = (folder / RECORD_NAME).read_text(encoding="utf-8").splitlines()
            except (FileNotFoundError, NotADirectoryError):
                lines = []
            except (OSError, UnicodeDecodeError) as error:
                raise LicodecError(f"{folder / RECORD_NAME} cannot be read: {error}") from error
            runs = [run for line in lines if (run := self._parse(line)) is not None]
            self._runs[folder] = sorted(runs, key=lambda run: run.began_ns)
        return self._runs[folder]

    def _parse(self, line: str) -> _Run | None:
        """A line of this command; None for another's, or one that a crash has cut."""
        try:
            found = json.loads(line)
            is_own = found["command"] == self._command
            return _Run(int(found["began_ns"]), dict(found["settings"])) if is_own else None
        except (ValueError, TypeError, KeyError):
            return None


def _next_tick_ns(record: Path) -> int:
    """Touch a file until its time is later than that of all that was written before.

    Clocks of file systems stand still for up to 10 ms; those that do so longer are not waited for.
    """
    record.touch()
    before = now = record.stat().st_mtime_ns
    for _ in range(_MOST_WAITS):
        time.sleep(_WAIT_S)
        record.touch()
        now = record.stat().st_mtime_ns
        if now > before:
            break
    return now


def _named(name: str, value: Any) -> str:
    if value is None or value == []:
        return f"no {name}"
    return f"{name} {','.join(map(str, value)) if isinstance(value, list) else value}"
