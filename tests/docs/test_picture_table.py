"""The table of docs/pictures.md says of licodec what licodec does."""

import importlib.util
from pathlib import Path

from licodec.api import Codec

DOCS = Path(__file__).parents[2] / "docs"


def test_column_of_licodec_is_up_to_date(codec: Codec) -> None:
    spec = importlib.util.spec_from_file_location("picture_table", DOCS / "picture_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = script.make_table({"licodec": script.licodec_with(codec)}).splitlines()[2:]
    page = (DOCS / "pictures.md").read_text(encoding="utf-8")
    block = page.partition("<!-- bench:begin -->")[2].strip().splitlines()[2 : 2 + len(made)]
    stated = ["|".join(line.split("|")[:3]) + "|" for line in block]
    assert stated == made, "remake it with: make picture-table"
