import pytest
from PIL import Image

from licodec.evaluate.bench import licodec_codec
from licodec.evaluate.codec import Trial
from licodec.evaluate.peers import PEERS, find_peer
from licodec.evaluate.rate_match import grid_index, match_bytes
from tests.evaluate.comparisons import JpegInside, stepped_codec, waves

IMAGE = Image.new("RGB", (1, 1))
SIZES = [round(100 * 1.05**step) for step in range(101)]


@pytest.mark.parametrize("target", [100, 333, 1000, 5000, 13150])
def test_the_file_nearest_in_size_is_found_with_few_encodes(target):
    encoded: list[float] = []
    trial = match_bytes(stepped_codec(SIZES, encoded), IMAGE, target)
    assert len(trial.data) == min(SIZES, key=lambda size: max(size / target, target / size))
    assert len(encoded) == len(set(encoded)) <= 8


@pytest.mark.parametrize(("target", "place"), [(1, 0), (10**6, 100)])
def test_a_size_out_of_reach_gets_the_end_of_the_grid(target, place):
    assert match_bytes(stepped_codec(SIZES, []), IMAGE, target).quality == place


def test_files_that_were_made_before_save_encodes():
    encoded: list[float] = []
    codec = stepped_codec(SIZES, encoded)
    tried = {
        place: Trial(quality=place, data=bytes(SIZES[place]), encode_s=0) for place in (38, 40, 42)
    }
    assert match_bytes(codec, IMAGE, SIZES[41], tried).quality == 41
    assert encoded == [41]
    assert set(tried) == {38, 40, 42}


def test_the_best_file_counts_where_sizes_do_not_grow_along_the_grid():
    sizes = [10, 30, 20, 40, 35, 60, 50, 80]
    trial = match_bytes(stepped_codec(sizes, []), IMAGE, 52)
    assert len(trial.data) in (50, 60)


def test_a_grid_of_one_setting_is_its_answer():
    assert match_bytes(stepped_codec([7], []), IMAGE, 1000).quality == 0


@pytest.mark.parametrize("name", PEERS)
def test_peers_come_within_a_few_percent_of_a_size_in_their_range(name):
    image = Image.fromarray(waves(96, 120))
    target = len(find_peer(name).encode(image, find_peer(name).qualities[5])) * 1.07
    found = match_bytes(find_peer(name), image, target)
    assert len(found.data) == pytest.approx(target, rel=0.06)
    assert found.quality in find_peer(name).grid


def test_grids_of_all_codecs_go_from_small_files_to_large_ones():
    image = Image.fromarray(waves(64, 64))
    ours = licodec_codec("balanced", "cpu", open_codec=JpegInside)
    for codec in (ours, *map(find_peer, PEERS)):
        assert len(codec.encode(image, codec.grid[0])) < len(codec.encode(image, codec.grid[-1]))


def test_the_nearest_setting_of_a_grid_is_found():
    assert grid_index(stepped_codec(SIZES, []), 40.4) == 40
