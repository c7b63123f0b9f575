"""Names of files as messages show them: on one line, without what a terminal would obey."""

import os
import unicodedata
from collections.abc import Sequence

PIPE = "-"  # stands for stdin or stdout

# Characters that turn the direction of the text that follows.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_MAX_NAMES = 5  # that one line tells


def printable(text: str) -> str:
    """A line without control characters; they become what Python would write for them."""
    return "".join(map(_shown, text)) if not text.isprintable() else text


def shown(name: str) -> str:
    """An input or output as messages name it; what is no character becomes a replacement."""
    return "stdin" if name == PIPE else printable(os.fsencode(name).decode("utf-8", "replace"))


def listed(names: Sequence[str]) -> str:
    """The first five names, and how many there are more."""
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def _shown(character: str) -> str:
    is_control = unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _TURNING
    return repr(character)[1:-1] if is_control else character
