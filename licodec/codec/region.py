"""A part of a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture in pixels: left, top, width and height, at least 1x1."""

    x: int
    y: int
    width: int
    height: int
