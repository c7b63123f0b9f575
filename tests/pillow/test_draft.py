"""`Image.draft` and `Image.thumbnail` decode a preview in place of the whole picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.pillow.conftest import lic_bytes, small_picture


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize(
    ("wanted", "size"),
    [((150, 100), (151, 101)), ((75, 1), (76, 51)), ((100, 20), (151, 101)), ((1, 1), (10, 6))],
)
def test_preview_is_as_small_as_it_can_be(
    mode: str, wanted: tuple[int, int], size: tuple[int, int]
) -> None:
    picture = small_picture(mode, (302, 202))
    image = Image.open(io.BytesIO(lic_bytes(picture)))
    drafted = image.draft(None, wanted)
    assert drafted is not None
    assert drafted[1] == (0, 0, *image.size)
    assert abs(image.size[0] - size[0]) <= 1
    assert abs(image.size[1] - size[1]) <= 1
    assert image.size[0] >= wanted[0]
    image.load()
    assert image.mode == mode
    difference = ImageChops.difference(image.copy(), picture.resize(image.size))
    assert max(ImageStat.Stat(difference).mean) < 8


@pytest.mark.parametrize("wanted", [None, (302, 202), (152, 101), (1000, 1000)])
def test_nothing_changes_where_no_preview_is_large_enough(wanted: tuple[int, int] | None) -> None:
    image = Image.open(io.BytesIO(lic_bytes(small_picture(size=(302, 202)))))
    assert image.draft(None, wanted) is None
    assert image.size == (302, 202)


def test_second_draft_and_a_late_one_change_nothing() -> None:
    image = Image.open(io.BytesIO(lic_bytes(small_picture(size=(302, 202)))))
    image.draft(None, (150, 100))
    size = image.size
    assert image.draft(None, (20, 20)) is None
    image.load()
    assert image.draft(None, (20, 20)) is None
    assert image.size == size


def test_thumbnail_uses_a_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.open(io.BytesIO(lic_bytes(small_picture(size=(302, 202)))))
    monkeypatch.delattr("licodec.api.decode_pixels")  # what decodes whole pictures
    image.thumbnail((40, 40))
    assert image.size == (40, 27)
