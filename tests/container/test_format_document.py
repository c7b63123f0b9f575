"""docs/format.md says what the code does."""

import re
from pathlib import Path

import pytest

from licodec import config
from licodec.container import format as lic

TEXT = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")


def table_after(heading: str, first_column: str) -> list[list[str]]:
    """Rows of the first table below a heading whose header row begins with this column."""
    part = TEXT[TEXT.index(f"\n{heading}\n") :]
    start = part.index(f"| {first_column} |")
    rows = []
    for line in part[start:].splitlines():
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def test_table_of_the_file_lists_the_fields_of_the_frame_in_order():
    rows = table_after("## The file", "offset")
    assert rows[-1][1:3] == ["", "payload"]
    assert [(name, size) for _, size, name, _ in rows[:-1]] == [
        (field.name, field.size_text) for field in lic.FRAME
    ]


def test_table_of_files_without_weights_lists_the_fields_of_their_frame_in_order():
    rows = table_after("### Files without weights", "offset")
    assert rows[-1][1:3] == ["", "payload"]
    assert [(name, size) for _, size, name, _ in rows[:-1]] == [
        (field.name, field.size_text) for field in lic.LOSSLESS_FRAME
    ]


@pytest.mark.parametrize("heading", ["## The file", "### Files without weights"])
def test_offsets_in_the_table_are_the_sums_of_the_sizes_before_them(heading):
    offset = 0
    for stated, size, *_ in table_after(heading, "offset"):
        if not stated:
            break
        assert int(stated) == offset
        offset += int(size[0])


def test_table_of_a_section_lists_the_fields_of_its_head_in_order():
    rows = table_after("## Metadata sections", "bytes")
    assert rows[-1][:2] == ["", "data"]
    assert [(name, size) for size, name, _ in rows[:-1]] == [
        (field.name, field.size_text) for field in lic.SECTION
    ]


def test_ranges_of_the_varints_stand_in_the_tables():
    rows = table_after("## The file", "offset") + [
        ["", *row] for row in table_after("## Metadata sections", "bytes")
    ]
    values = {name: value for _, _, name, value in rows}
    for field in (*lic.FRAME, *lic.SECTION):
        if isinstance(field, lic.Varint):
            assert f"{field.low} to {field.high}" in values[field.name]


def test_sections_are_listed_with_number_and_skippable_bit():
    listed = {
        int(number): (name, bit == "1")
        for number, name, bit, _ in table_after("## Metadata sections", "N")
    }
    assert listed == {
        number: (name, number in lic.SKIPPABLE_SECTIONS)
        for number, name in lic.SECTION_NAMES.items()
    }


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("family", config.FAMILY_IDS),
        ("profile", config.PROFILE_IDS),
        ("quantizer", config.QUANTIZER_IDS),
    ],
)
def test_ids_are_listed_as_the_code_has_them(kind, ids):
    assert {name: int(i) for name, i in table_after("### Ids", kind)} == dict(ids)


def test_magic_and_version_are_those_of_the_code():
    assert f"`{lic.MAGIC_BYTES.hex(' ').upper()}`" in TEXT
    assert re.match(r"# The \.lic file, format version (\d+)\n", TEXT)[1] == str(lic.VERSION)
