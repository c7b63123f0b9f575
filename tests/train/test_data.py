"""Folders and shards become pictures; what cannot be used is counted or refused."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from licodec.errors import TrainingError
from licodec.train.data import (
    CropSampler,
    Pictures,
    Source,
    load_pictures,
    parse_source,
    validation_crops,
)
from tests.train.pictures import save_crops


def image_bytes(level: int, suffix: str, width: int = 70, height: int = 66) -> bytes:
    """A flat picture."""
    buffer = io.BytesIO()
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())
    Image.new("RGB", (width, height), (level, level, level)).save(buffer, kind)
    return buffer.getvalue()


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def flat(level: int, side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def levels(pictures: Pictures) -> list[int]:
    return sorted(round(float(a.mean())) for a in pictures.arrays)


def test_folder_gives_pictures_of_every_kind_in_it_and_below(tmp_path):
    (tmp_path / "deep").mkdir()
    for i, suffix in enumerate(("png", "jpg", "webp", "avif", "bmp", "tif")):
        folder = tmp_path / "deep" if i % 2 else tmp_path
        (folder / f"a.{suffix}").write_bytes(image_bytes(40 * i, suffix))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert len(train.arrays) + len(valid.arrays) == 6
    assert train.num_unreadable == 0
    assert {a.shape for a in train.arrays} == {(66, 70, 3)}


def test_tar_gives_the_pictures_that_a_folder_of_the_same_files_gives(tmp_path):
    folder = save_crops(tmp_path / "folder")
    files = {f"x/{p.name}": p.read_bytes() for p in sorted(folder.iterdir())}
    shard = write_tar(tmp_path / "shard.tar", files | {"readme.md": b"text"})
    for kept, also in zip(
        load_pictures([Source(folder)], 64), load_pictures([Source(shard)], 64), strict=True
    ):
        for first, second in zip(kept.arrays, also.arrays, strict=True):
            np.testing.assert_array_equal(first, second)


def test_grey_palette_and_transparent_pictures_become_rgb(tmp_path):
    for mode in ("L", "P", "RGBA", "1"):
        Image.new("RGB", (64, 64), "red").convert(mode).save(tmp_path / f"{mode}.png")
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert {a.shape for a in train.arrays + valid.arrays} == {(64, 64, 3)}


def test_unreadable_files_are_counted_and_left_out(tmp_path):
    save_crops(tmp_path, 3)
    whole = image_bytes(9, "png")
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "short.png").write_bytes(whole[: len(whole) // 2])
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert train.num_unreadable == 3
    assert len(train.arrays) + len(valid.arrays) == 3


def test_file_that_the_system_does_not_read_is_counted_and_left_out(tmp_path, monkeypatch):
    save_crops(tmp_path, 3)
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert train.num_unreadable == 1
    assert len(train.arrays) + len(valid.arrays) == 2


def test_set_that_is_held_back_as_a_whole_is_refused(tmp_path):
    folder = save_crops(tmp_path / "validation", 2)
    with pytest.raises(TrainingError, match=r"no picture .* 2 held back"):
        load_pictures([Source(folder)], 64)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_compressed_shard_with_a_changed_byte_is_read_or_refused_by_name(kind, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    shard = tmp_path / "a.tar"
    with tarfile.open(shard, f"w:{kind}") as tar:
        for name in "abc":
            tar.add(tmp_path / "a.png", f"{name}.png")
    whole = shard.read_bytes()
    num_refused = 0
    for place in range(100, len(whole), len(whole) // 9):
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            load_pictures([Source(shard)], 64)
        except TrainingError as error:
            num_refused += "a.tar: not a readable tar file" in str(error)
    assert num_refused > 0


def test_pictures_smaller_than_the_crop_are_left_out(tmp_path):
    (tmp_path / "wide.png").write_bytes(image_bytes(1, "png", 300, 63))
    (tmp_path / "fits.png").write_bytes(image_bytes(2, "png", 64, 64))
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert levels(train) == [2]
    assert not valid.arrays


@pytest.mark.parametrize(
    "content", [{}, {"small.png": image_bytes(1, "png", 20, 20)}, {"b.png": b"?"}]
)
def test_set_without_a_usable_picture_is_refused(content, tmp_path):
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    message = rf"no picture of at least 64 px.*{int(b'?' in content.values())} files unreadable"
    with pytest.raises(TrainingError, match=message):
        load_pictures([Source(tmp_path)], 64)


def test_shard_that_is_no_tar_is_refused_by_name(tmp_path):
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(TrainingError, match=r"bad\.tar: not a readable tar file"):
        load_pictures([Source(tmp_path)], 64)


def test_shard_that_ends_too_early_is_refused_by_name(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    shard = write_tar(tmp_path / "cut.tar", {"a.png": buffer.getvalue(), "b.png": b"x" * 3000})
    shard.write_bytes(shard.read_bytes()[:12000])
    with pytest.raises(TrainingError, match=r"cut\.tar: not a readable tar file"):
        load_pictures([Source(shard)], 64)


def test_shard_with_a_damaged_header_is_refused_by_name(tmp_path):
    files = {f"{n}.png": b"x" * 600 for n in range(3)}
    shard = write_tar(tmp_path / "damaged.tar", files)
    damaged = bytearray(shard.read_bytes())
    damaged[2 * 3 * 512 + 5] ^= 0xFF  # the third header, after two of files of two blocks
    shard.write_bytes(damaged)
    with pytest.raises(TrainingError, match=r"damaged\.tar: .*damaged header at byte 3072"):
        load_pictures([Source(shard)], 64)


def test_shards_named_valid_are_held_back_and_nothing_else(tmp_path):
    write_tar(tmp_path / "a.tar", {f"{i}.png": image_bytes(i, "png") for i in range(50)})
    write_tar(tmp_path / "valid-0.tar", {"v.png": image_bytes(200, "png")})
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert levels(train) == list(range(50))
    assert levels(valid) == [200]


@pytest.mark.parametrize("in_shards", [True, False])
def test_folders_named_valid_are_held_back(in_shards, tmp_path):
    for name, level in (("photos", 1), ("valid", 2)):
        folder = tmp_path / name
        folder.mkdir()
        file = image_bytes(level, "png")
        if in_shards:
            write_tar(folder / "a.tar", {"a.png": file})
        else:
            (folder / "a.png").write_bytes(file)
    sources = [Source(tmp_path / name) for name in ("photos", "valid")]
    train, valid = load_pictures(sources, 64)
    assert (levels(train), levels(valid)) == ([1], [2])


def test_16_bit_pictures_keep_their_brightness(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    train, _ = load_pictures([Source(tmp_path)], 64)
    assert train.arrays[0].shape == (64, 64, 3)
    assert train.arrays[0].mean() == pytest.approx(127.5, abs=1)


def test_damaged_avif_files_are_counted_and_left_out(tmp_path):
    save_crops(tmp_path, 2)
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "AVIF")
    whole = bytearray(buffer.getvalue())
    at = whole.index(b"mdat") + 4
    whole[at : at + 16] = bytes(16)
    (tmp_path / "damaged.avif").write_bytes(whole)
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert (len(train.arrays) + len(valid.arrays), train.num_unreadable) == (2, 1)


def test_compressed_shard_that_ends_too_early_is_refused_by_name(tmp_path):
    plain = write_tar(tmp_path / "plain.tar", {"a.png": np.random.default_rng(0).bytes(9000)})
    packed = gzip.compress(plain.read_bytes())
    shard = tmp_path / "cut.tar"
    shard.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(TrainingError, match=r"cut\.tar: not a readable tar file"):
        load_pictures([Source(shard)], 64)


def test_every_40th_picture_is_held_back_where_none_is_named(tmp_path):
    for i in range(81):
        (tmp_path / f"{i:02}.png").write_bytes(image_bytes(i, "png"))
    train, valid = load_pictures([Source(tmp_path)], 64)
    assert levels(valid) == [0, 40, 80]
    assert len(train.arrays) == 78


def test_weight_stands_after_the_last_colon_of_a_source(tmp_path):
    assert parse_source(f"{tmp_path}:0.25") == Source(tmp_path, 0.25)
    assert parse_source(str(tmp_path)) == Source(tmp_path, 1.0)
    named = tmp_path / "a:3"
    named.mkdir()
    assert parse_source(str(named)) == Source(named, 1.0)
    assert parse_source(f"{named}:2") == Source(named, 2.0)


@pytest.mark.parametrize("weight", ["0", "-1", "x", "nan", "inf"])
def test_weight_that_is_no_positive_number_is_refused(weight, tmp_path):
    with pytest.raises(TrainingError, match="expected a number above 0"):
        parse_source(f"{tmp_path}:{weight}")


def test_missing_source_is_refused_by_name(tmp_path):
    with pytest.raises(TrainingError, match="absent: no such folder or shard"):
        parse_source(str(tmp_path / "absent"))


def test_pictures_are_drawn_by_weight_and_the_root_of_their_area():
    pictures = Pictures([flat(0), flat(100), flat(200, 128)], [1.0, 3.0, 1.0])  # chances 1 : 3 : 2
    batch = CropSampler(pictures, 64, 3000, seed=4).batch()
    assert batch.shape == (3000, 3, 64, 64)
    shares = [float((batch[:, 0, 0, 0] == level).float().mean()) for level in (0, 100, 200)]
    assert shares == pytest.approx([1 / 6, 1 / 2, 1 / 3], abs=0.03)


def test_crops_are_turned_parts_of_the_picture_and_the_same_for_the_same_seed():
    picture = np.arange(70 * 80 * 3, dtype=np.uint32).astype(np.uint8).reshape(70, 80, 3)
    first, again, other = (
        CropSampler(Pictures([picture], [1.0]), 64, 40, seed).batch() for seed in (5, 5, 6)
    )
    assert first.equal(again)
    assert not first.equal(other)
    views = np.lib.stride_tricks.sliding_window_view(picture, (64, 64), axis=(0, 1))
    parts = {views[y, x].tobytes() for y in range(views.shape[0]) for x in range(views.shape[1])}
    turned = set()
    for crop in first.numpy()[:, :, :, :]:
        ways = [
            np.ascontiguousarray(way).tobytes()
            for t in (crop, crop.transpose(0, 2, 1))
            for way in (t, t[:, ::-1], t[:, :, ::-1], t[:, ::-1, ::-1])
        ]
        found = [i for i, way in enumerate(ways) if way in parts]
        assert found
        turned.add(found[0])
    assert len(turned) == 8


def test_validation_crops_are_the_centres_of_the_first_pictures_that_are_large_enough():
    picture = np.zeros((200, 130, 3), np.uint8)
    picture[36:164, 1:129] = 77
    small, large = flat(5, 64), flat(9, 300)
    crops = validation_crops(Pictures([small, picture, large], [1.0] * 3), 128, 5)
    assert crops.shape == (2, 3, 128, 128)
    assert [int(c.float().mean()) for c in crops] == [77, 9]
    assert len(validation_crops(Pictures([picture, large], [1.0] * 2), 128, 1)) == 1


def test_validation_crops_shrink_to_what_the_largest_picture_has():
    assert validation_crops(Pictures([flat(1, 150), flat(2, 70)], [1.0] * 2), 384, 9).shape == (
        1, 3, 128, 128,
    )  # fmt: skip
    assert len(validation_crops(Pictures([], []), 384, 9)) == 0
    assert validation_crops(Pictures([flat(1, 70)], [1.0]), 64, 9).dtype == torch.uint8
