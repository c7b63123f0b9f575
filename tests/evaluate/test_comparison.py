import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import licodec.evaluate
from licodec.errors import ImageError, LicodecError, ModelError
from licodec.evaluate import comparison as module
from licodec.evaluate.comparison import compare
from licodec.evaluate.metrics import ms_ssim, psnr
from licodec.evaluate.page import Comparison
from licodec.evaluate.peers import find_peer
from licodec.metrics.butteraugli import butteraugli
from licodec.metrics.ssimulacra2 import ssimulacra2
from tests.evaluate.comparisons import JpegInside, waves


class ShrinkingCodec(JpegInside):
    def decode(self, data: bytes) -> Image.Image:
        return super().decode(data).crop((0, 0, 1, 1))


def run(source: object, **options: object) -> Comparison:
    options = {"codecs": ("licodec", "jpeg"), "with_curves": False} | options
    return compare(source, open_codec=JpegInside, device="cpu", **options)  # type: ignore[arg-type]


def test_licodecs_file_sets_the_size_and_the_others_come_near_it():
    found = run(waves(80, 120), codecs=("licodec", "jpeg2000"), quality=60)
    ours, peer = found.results
    image = Image.fromarray(waves(80, 120))
    assert found.target_bytes == ours.num_bytes == len(JpegInside().encode(image, quality=60))
    assert (ours.name, ours.quality) == ("licodec-balanced", 60)
    assert peer.num_bytes == pytest.approx(ours.num_bytes, rel=0.02)


def test_figures_are_those_of_the_file_with_the_settings_shown():
    pixels = waves(170, 180)
    found = run(pixels, codecs=("licodec", "jpeg"))
    peer = found.results[1]
    data = find_peer("jpeg").encode(Image.fromarray(pixels), peer.quality)
    decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert (peer.num_bytes, peer.bpp) == (len(data), 8 * len(data) / (170 * 180))
    assert peer.psnr == psnr(pixels, decoded)
    assert peer.ms_ssim == ms_ssim(pixels, decoded)
    assert peer.ssimulacra2 == ssimulacra2(pixels, decoded)
    assert peer.butteraugli == butteraugli(pixels, decoded)
    assert np.array_equal(peer.shown, decoded)
    assert np.array_equal(found.shown, pixels)


def test_with_a_rate_every_codec_is_searched():
    found = run(waves(80, 120), codecs=("licodec", "webp"), bpp=2.0)
    assert found.target_bytes == 2.0 * 80 * 120 / 8
    for result in found.results:
        assert result.bpp == pytest.approx(2.0, rel=0.05)


def test_a_rate_needs_no_licodec():
    assert [result.name for result in run(waves(40, 40), codecs=("jpeg",), bpp=3).results] == [
        "jpeg"
    ]


def test_each_profile_is_a_codec_and_the_first_sets_the_size():
    found = run(waves(40, 60), codecs=("licodec",), profiles=("fast", "best"))
    assert [result.name for result in found.results] == ["licodec-fast", "licodec-best"]
    assert "licodec-fast at quality 75" in found.target_from


def test_each_tune_is_a_codec_and_the_first_sets_the_size():
    def open_codec(profile: str, device: str, *, tune: str) -> JpegInside:
        assert tune in ("visual", "psnr")
        return JpegInside(profile, device)

    found = compare(
        waves(40, 60),
        codecs=("licodec",),
        tunes=("psnr", "visual"),
        device="cpu",
        with_curves=False,
        open_codec=open_codec,
    )
    names = [result.name for result in found.results]
    assert names == ["licodec-balanced-psnr", "licodec-balanced"]
    assert "licodec-balanced-psnr at quality 75" in found.target_from


def test_each_effort_is_a_codec_that_reaches_the_encoder():
    found = run(waves(40, 60), codecs=("licodec",), efforts=(1, 2), bpp=4)
    assert [result.name for result in found.results] == [
        "licodec-balanced-e1",
        "licodec-balanced-e2",
    ]
    image = Image.fromarray(waves(40, 60))
    second = found.results[1]
    data = JpegInside().encode(image, quality=second.quality, effort=2)
    assert second.num_bytes == len(data)


def test_curves_have_the_ladder_and_the_file_shown():
    found = run(waves(40, 60), with_curves=True)
    for curve, result in zip(found.curves, found.results, strict=True):
        assert curve.name == result.name
        assert list(curve.bpp) == sorted(curve.bpp)
        assert (result.bpp, result.psnr) in zip(curve.bpp, curve.psnr or (), strict=True)
        visual = zip(curve.bpp, curve.ssimulacra2 or (), strict=True)
        assert (result.bpp, result.ssimulacra2) in visual
        assert len(curve.bpp) in (5, 6)


def test_all_installed_peers_are_compared_unless_named():
    found = run(waves(24, 24), codecs=None)
    names = [result.name for result in found.results]
    assert names == ["licodec-balanced", "jpeg", "webp", "jpeg2000", "avif", "jxl"]


def test_a_photo_is_shown_upright(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.fromarray(waves(20, 50)).save(tmp_path / "turned.png", exif=exif)
    found = run(tmp_path / "turned.png")
    assert (found.width, found.height) == (20, 50)
    assert found.name == "turned.png"
    assert found.num_source_bytes == (tmp_path / "turned.png").stat().st_size


def test_a_name_that_is_no_text_and_has_two_lines_is_shown_all_the_same(tmp_path: Path):
    path = tmp_path / os.fsdecode(b"caf\xe9\n.png")
    Image.fromarray(waves(8, 8)).save(path)
    found = run(path)
    assert found.name == "caf\ufffd\\n.png"
    assert "<h1>caf\ufffd\\n.png</h1>".encode() in found.to_html().encode()


def test_damaged_exif_does_not_stop_a_comparison(tmp_path: Path):
    Image.fromarray(waves(40, 60)).save(tmp_path / "a.png", exif=b"Exif\0\0no tags")
    assert np.array_equal(run(tmp_path / "a.png").shown, waves(40, 60))


def test_grey_pictures_and_transparent_ones_are_compared_in_rgb():
    grey = run(Image.fromarray(waves(30, 30)[:, :, 0]))
    assert grey.shown.shape == (30, 30, 3)
    image = Image.fromarray(waves(30, 30))
    image.putalpha(Image.linear_gradient("L").resize((30, 30)))
    assert any("transparency is left out" in note for note in run(image).notes)


def test_an_rgb_profile_goes_with_the_pictures():
    image = Image.fromarray(waves(20, 20))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info["icc_profile"] = profile
    assert run(image).icc == profile


def test_a_region_is_shown_but_the_whole_is_measured():
    pixels = waves(60, 80)
    found, whole = run(pixels, region=(10, 5, 30, 20)), run(pixels)
    assert np.array_equal(found.shown, pixels[5:25, 10:40])
    assert found.results[1].shown.shape == (20, 30, 3)
    assert found.results[1].psnr == whole.results[1].psnr


@pytest.mark.parametrize("region", [(0, 0, 81, 1), (0, 60, 1, 1), (-1, 0, 5, 5), (0, 0, 0, 5)])
def test_a_region_outside_the_picture_is_refused(region):
    with pytest.raises(LicodecError, match="is not inside the picture of 80x60 px"):
        run(waves(60, 80), region=region)


def test_of_a_large_picture_the_centre_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_WHOLE_PX", 100 * 80 - 1)
    monkeypatch.setattr(module, "CROP_PX", 50 * 40)
    found = run(waves(80, 100))
    assert found.region == (25, 20, 50, 40)
    assert run(waves(79, 100)).region == (0, 0, 100, 79)


def test_the_smallest_picture_is_compared():
    found = run(waves(1, 1), codecs=None, with_curves=True)
    assert all(result.ms_ssim is None for result in found.results)
    assert "://" not in found.to_html()


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 0},
        {"quality": float("nan")},
        {"efforts": (10,)},
        {"efforts": ()},
        {"profiles": ()},
        {"bpp": 0},
        {"bpp": float("nan")},
        {"bpp": -1},
        {"codecs": ()},
        {"codecs": ("jpeg",)},
    ],
)
def test_settings_out_of_range_are_value_errors(options):
    with pytest.raises(ValueError, match=r"expected|name at least|sets the size"):
        run(waves(8, 8), **options)


def test_an_unknown_codec_is_refused_before_the_picture_is_read():
    with pytest.raises(LicodecError, match="unknown codec 'gif'"):
        run("no-such-picture.png", codecs=("licodec", "gif"))


def test_a_missing_picture_is_an_image_error():
    with pytest.raises(ImageError, match="cannot be read"):
        run("no-such-picture.png")


def test_an_unusable_device_is_a_model_error():
    def refuse(profile: str, device: str) -> JpegInside:
        raise ValueError("device cuda: torch finds no CUDA device; use --device cpu")

    with pytest.raises(ModelError, match="use --device cpu"):
        compare(waves(8, 8), codecs=("licodec",), device="cuda", open_codec=refuse)


def test_a_codec_that_returns_another_size_is_reported():
    with pytest.raises(LicodecError, match="decodes 9x8 px to"):
        compare(waves(8, 9), codecs=("licodec",), open_codec=ShrinkingCodec, with_curves=False)


def test_work_is_announced_step_by_step():
    steps: list[str] = []
    run(waves(8, 8), on_step=steps.append)
    assert "jpeg: searching the size" in steps


def test_compare_is_a_name_of_the_package():
    assert licodec.evaluate.compare is compare
    assert not hasattr(licodec.evaluate, "contrast")
