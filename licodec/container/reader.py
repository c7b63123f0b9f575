"""Reads fields of bytes: the one place that touches untrusted offsets and lengths."""

from __future__ import annotations

from licodec.container.format import Fixed, Varint
from licodec.errors import CorruptFileError, TruncatedFileError

COPY_AGAIN = "copy or download the file again"


class FieldReader:
    """Takes fields from the front of a file, in order; never reads past the end.

    Attributes:
        offset: of the next byte.
        section: name of the section being read, "" outside of one; begins each message.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0
        self.section = ""

    @property
    def remaining(self) -> int:
        """Bytes from the offset to the end of the data."""
        return len(self._data) - self.offset

    def take(self, num_bytes: int, name: str) -> bytes:
        """The next bytes.

        Raises:
            TruncatedFileError: fewer are left; nothing was reserved for them.
        """
        if num_bytes > self.remaining:
            raise TruncatedFileError(
                f"{self.label(name)} needs {num_bytes} bytes at offset {self.offset}, "
                f"{self.remaining} are left; {COPY_AGAIN}"
            )
        start = self.offset
        self.offset += num_bytes
        return self._data[start : self.offset]

    def fixed(self, field: Fixed) -> bytes:
        """A field of fixed width.

        Raises:
            TruncatedFileError: it is not all there.
        """
        return self.take(field.num_bytes, field.name)

    def number(self, field: Fixed) -> int:
        """A little-endian unsigned number of fixed width.

        Raises:
            TruncatedFileError: it is not all there.
        """
        return int.from_bytes(self.fixed(field), "little")

    def varint(self, field: Varint) -> int:
        """A varint within its range.

        Raises:
            TruncatedFileError: the data ends inside it.
            CorruptFileError: longer than needed, or out of range.
        """
        start, value, expected = self.offset, 0, f"{field.low} to {field.high}"
        for i in range(field.max_bytes):
            byte = self.take(1, field.name)[0]
            value |= (byte & 0x7F) << 7 * i
            if byte & 0x80:
                continue
            if byte == 0 and i > 0:
                raise self.corrupt(field.name, start, f"{i + 1} bytes for {value}", "shortest form")
            if not field.low <= value <= field.high:
                raise self.corrupt(field.name, start, value, expected)
            return value
        raise self.corrupt(field.name, start, f"more than {field.max_bytes} bytes", expected)

    def before(self) -> bytes:
        """All bytes that were taken."""
        return self._data[: self.offset]

    def label(self, name: str) -> str:
        """The field's name with that of its section before it."""
        return f"{self.section}: {name}" if self.section else name

    def corrupt(self, name: str, offset: int, found: object, expected: object) -> CorruptFileError:
        """The error for a value that breaks a rule."""
        return CorruptFileError(
            f"{self.label(name)} at offset {offset}: found {found}, expected {expected}; "
            f"{COPY_AGAIN}"
        )
