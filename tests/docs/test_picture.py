"""The picture of the README is there, small, and made from a photograph whose licence is named."""

from PIL import Image

from tests.docs.test_examples import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_BYTES = 150_000


def test_picture_is_linked_and_small() -> None:
    path = ROOT / "docs" / "codecs.jpg"
    assert "](docs/codecs.jpg)" in README
    assert path.stat().st_size < MAX_BYTES
    with Image.open(path) as picture:
        picture.load()
        assert picture.width > 3 * picture.height


def test_photograph_and_licence_are_named() -> None:
    script = (ROOT / "docs" / "make_picture.py").read_text(encoding="utf-8")
    assert '"coffee.png"' in script
    assert "CC0" in README.partition("docs/codecs.jpg")[2].partition("## ")[0]
    assert "`coffee.png`" in (ROOT / "examples" / "photos" / "README.md").read_text(
        encoding="utf-8"
    )
