import io
import json

import numpy as np
import pytest
from PIL import Image

from licodec.errors import LicodecError
from licodec.evaluate.bdrate import Curve
from licodec.evaluate.bench import licodec_codec, licodec_codecs, list_pictures, read_rgb, run_bench
from licodec.evaluate.peers import find_peer
from licodec.evaluate.report import bd_rate_tables, markdown, to_json
from tests.evaluate.benches import QUALITIES, CroppingCodec, FakeCodec, bench, smooth_picture


def test_pictures_are_listed_by_name_without_folders_and_other_files(folder):
    assert [path.name for path in list_pictures(folder)] == ["a.bmp", "b.png"]
    assert [path.name for path in list_pictures(folder, limit=1)] == ["a.bmp"]


def test_files_of_formats_that_are_not_read_are_no_pictures(folder):
    for name in ("a.pdf", "a.eps", "a.lic", "a.mpg", "c.J2C"):
        (folder / name).touch()
    assert [path.name for path in list_pictures(folder)] == ["a.bmp", "b.png", "c.J2C"]


def test_a_folder_without_pictures_is_reported(tmp_path):
    with pytest.raises(LicodecError, match="no picture"):
        list_pictures(tmp_path)


def test_grey_pictures_are_read_as_three_equal_channels(tmp_path):
    grey = smooth_picture(5, 7, 3)[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_rgb(tmp_path / "grey.png"), np.stack([grey] * 3, axis=2))


def test_every_codec_quality_and_picture_has_a_row_with_counted_bytes(folder):
    result = bench(folder)
    ours = result.codecs[0]
    assert [codec.name for codec in result.codecs] == [
        "licodec-balanced", "jpeg", "webp", "jpeg2000", "avif"
    ]  # fmt: skip
    keys = {(row.image, row.quality) for row in ours.rows}
    assert keys == {(name, quality) for name in ("a.bmp", "b.png") for quality in QUALITIES}
    row = next(row for row in ours.rows if (row.image, row.quality) == ("b.png", 50.0))
    image = Image.open(folder / "b.png")
    data = FakeCodec("", "").encode(image, quality=50)
    error = np.asarray(image, float) - np.asarray(Image.open(io.BytesIO(data)), float)
    assert (row.width, row.height, row.num_bytes) == (65, 48, len(data))
    assert row.bpp == pytest.approx(8 * len(data) / (65 * 48))
    assert row.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(error**2)))
    assert row.ms_ssim is None


def test_points_are_means_over_pictures_not_over_pixels(folder):
    ours = bench(folder).codecs[0]
    for point in ours.points:
        rows = [row for row in ours.rows if row.quality == point.quality]
        assert point.bpp == pytest.approx((rows[0].bpp + rows[1].bpp) / 2)
        assert point.psnr == pytest.approx((rows[0].psnr + rows[1].psnr) / 2)


def test_points_go_from_low_to_high_rate_for_ratio_ladders_too(folder):
    for codec in bench(folder).codecs:
        rates = [point.bpp for point in codec.points]
        assert rates == sorted(rates)


def test_each_codec_is_warmed_up_once(folder):
    opened: list[FakeCodec] = []

    def open_codec(profile: str, device: str) -> FakeCodec:
        opened.append(FakeCodec(profile, device))
        return opened[-1]

    codec = licodec_codec("fast", "cpu", QUALITIES, open_codec)
    run_bench(list_pictures(folder), [codec], metrics=())
    assert opened[0].opened_with == ("fast", "cpu")
    assert opened[0].num_encodes == 2 * len(QUALITIES) + 1


def test_each_profile_and_tune_is_a_codec_that_is_opened_with_it():
    opened: list[tuple[str, ...]] = []

    def open_codec(profile: str, device: str, *, tune: str = "none given") -> FakeCodec:
        opened.append((profile, tune))
        return FakeCodec(profile, device)

    profiles = ("balanced", "fast")
    codecs = licodec_codecs(
        profiles, (4,), "cpu", QUALITIES, open_codec, tunes=("visual", "psnr", "visual")
    )
    assert [codec.name for codec in codecs] == [
        "licodec-balanced", "licodec-balanced-psnr", "licodec-fast", "licodec-fast-psnr",
    ]  # fmt: skip
    assert opened == [(profile, tune) for profile in profiles for tune in ("visual", "psnr")]
    assert codecs[1].settings == "licodec, profile balanced, tune psnr, effort 4, device cpu"


def test_without_a_tune_the_codecs_own_default_is_taken():
    codecs = licodec_codecs(("fast",), (1, 2), "cpu", QUALITIES, FakeCodec)
    assert [codec.name for codec in codecs] == ["licodec-fast-e1", "licodec-fast-e2"]
    tuned = licodec_codec("fast", "cpu", QUALITIES, lambda *_, tune: FakeCodec(*_), tune="psnr")
    assert (tuned.name, codecs[0].settings) == (
        "licodec-fast-psnr", "licodec, profile fast, effort 1, device cpu",
    )  # fmt: skip


def test_stage_times_are_averaged_and_reported(folder):
    result = bench(folder)
    point = result.codecs[0].points[0]
    assert point.encode_stages_s == pytest.approx({"prior": 0.25, "entropy": 0.02})
    assert point.decode_stages_s == pytest.approx({"synthesis": 0.5})
    stored = json.loads(to_json(result, {}))["codecs"][0]["points"][0]
    assert stored["decode_stages_s"] == {"synthesis": 0.5}
    text = markdown(result, {}, "rd.svg")
    assert "| licodec-balanced | decode | synthesis | 500.0 |" in text
    assert "| jpeg | decode | " not in text


def test_one_small_picture_takes_ms_ssim_out_of_the_mean_curve(folder):
    Image.fromarray(smooth_picture(161, 170, 4)).save(folder / "large.png")
    codec = licodec_codec("balanced", "cpu", (20, 80), FakeCodec)
    result = run_bench(list_pictures(folder), [codec]).codecs[0]
    assert [row.image for row in result.rows if row.ms_ssim is not None] == ["large.png"] * 2
    assert result.curve().ms_ssim is None


def test_a_bad_picture_is_left_out_for_all_codecs_with_one_line(folder):
    (folder / "aa.png").write_bytes(b"not a picture")
    lines: list[str] = []
    codecs = [licodec_codec("balanced", "cpu", QUALITIES, FakeCodec), find_peer("jpeg")]
    result = run_bench(list_pictures(folder), codecs, metrics=(), on_failure=lines.append)
    assert result.images == ("a.bmp", "b.png")
    assert result.failures == tuple(lines)
    assert len(lines) == 1
    assert "aa.png" in lines[0]
    assert "\n" not in lines[0]
    assert "1 picture left out" in markdown(result, {}, "rd.svg")


def test_a_picture_that_one_codec_refuses_leaves_no_rows_of_the_others(folder):
    Image.new("RGB", (16384, 1)).save(folder / "wide.png")  # WebP ends at 16383 px
    codecs = [find_peer("jpeg"), find_peer("webp")]
    result = run_bench(list_pictures(folder), codecs, metrics=())
    assert result.images == ("a.bmp", "b.png")
    assert {row.image for codec in result.codecs for row in codec.rows} == {"a.bmp", "b.png"}


def test_a_codec_that_returns_another_size_leaves_nothing_to_report(folder):
    codec = licodec_codec("balanced", "cpu", QUALITIES, CroppingCodec)
    lines: list[str] = []
    with pytest.raises(LicodecError, match="none of the 2 pictures"):
        run_bench(list_pictures(folder), [codec], metrics=(), on_failure=lines.append)
    assert "decodes 40x33 px to (1, 1)" in lines[0]


def test_licodec_is_compared_with_each_peer_and_each_stored_curve(folder):
    measured = bench(folder).codecs[0].curve()
    stored = Curve(name="jpeg", bpp=tuple(bpp / 1.25 for bpp in measured.bpp), psnr=measured.psnr)
    result = bench(folder, stored=(stored,))
    (table,) = bd_rate_tables(result)
    rows = {(row[0], row[1]): row for row in table.rows}
    assert set(rows) == {
        ("licodec-balanced", other) for other in ("jpeg", "webp", "jpeg2000", "avif", "jpeg (2)")
    }
    assert rows["licodec-balanced", "jpeg (2)"][2:6] == ("+25.0",) * 4
    assert "equal PSNR" in table.title


def test_without_licodec_all_codecs_are_compared_with_each_other(folder):
    codecs = [find_peer("jpeg"), find_peer("webp")]
    result = run_bench(list_pictures(folder), codecs, metrics=())
    pairs = {(entry.codec, entry.against) for entry in result.bd_rates}
    assert pairs == {("jpeg", "webp"), ("webp", "jpeg")}
