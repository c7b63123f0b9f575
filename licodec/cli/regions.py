"""The value of --region: X,Y,W,H goes in, four numbers come out."""

from typing import Any

import click


class RegionType(click.ParamType[tuple[int, int, int, int]]):
    """Left, top, width and height in pixels, separated by commas."""

    name = "X,Y,W,H"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int, int, int]:
        """Four whole numbers, the last two at least 1; anything else is wrong usage."""
        if isinstance(value, tuple):
            return value
        parts = [p.strip() for p in str(value).split(",")]
        if len(parts) != 4 or not all(p.isascii() and p.isdigit() for p in parts):
            self.fail(
                f"{value} is not X,Y,W,H: left, top, width and height as whole numbers", param, ctx
            )
        x, y, width, height = map(int, parts)
        if not width or not height:
            self.fail(f"{value} is empty; width and height are at least 1", param, ctx)
        return x, y, width, height
