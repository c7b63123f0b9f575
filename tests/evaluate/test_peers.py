import io

import numpy as np
import pytest
from PIL import AvifImagePlugin, Image
from pillow_jxl import JpegXLImagePlugin

from licodec.errors import LicodecError
from licodec.evaluate.metrics import psnr
from licodec.evaluate.peers import PEERS, find_peer, installed_peers


def smooth_picture(height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8: gentle colour waves with a little noise."""
    generator = np.random.default_rng(11)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(columns / 9 + phase) + np.cos(rows / 7 + phase) for phase in (0, 1, 2)]
    picture = 128 + 45 * np.stack(waves, axis=2) + generator.normal(0, 2, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("size", [(64, 48), (33, 71)])
def test_peer_files_decode_to_a_similar_picture_of_equal_size(name, size):
    reference = smooth_picture(*size)
    peer = find_peer(name)
    data = peer.encode(Image.fromarray(reference), peer.qualities[-2])
    decoded = np.asarray(peer.decode(data))
    assert decoded.shape == reference.shape
    assert psnr(reference, decoded) > 28


@pytest.mark.parametrize("name", PEERS)
def test_each_ladder_goes_from_small_files_to_better_pictures(name):
    reference = smooth_picture(64, 64)
    peer = find_peer(name)
    files = [
        peer.encode(Image.fromarray(reference), q) for q in (peer.qualities[0], peer.qualities[-1])
    ]
    levels = [psnr(reference, np.asarray(peer.decode(data))) for data in files]
    assert len(files[0]) < len(files[1])
    assert levels[0] < levels[1]


def test_peer_formats_are_what_the_settings_say():
    image = Image.fromarray(smooth_picture(48, 48))
    formats = {}
    for name in PEERS:
        with Image.open(io.BytesIO(PEERS[name].encode(image, 50))) as stored:
            formats[name] = stored.format
            if name == "jpeg":
                assert stored.info["progressive"]
                assert [layer[1:3] for layer in stored.layer] == [(2, 2), (1, 1), (1, 1)]
    assert formats == {
        "jpeg": "JPEG",
        "webp": "WEBP",
        "jpeg2000": "JPEG2000",
        "avif": "AVIF",
        "jxl": "JXL",
    }


@pytest.mark.parametrize(
    ("name", "module", "variable"),
    [
        ("avif", AvifImagePlugin, "DEFAULT_MAX_THREADS"),
        ("jxl", JpegXLImagePlugin, "DECODE_THREADS"),
    ],
)
def test_decoding_leaves_a_plugins_thread_setting_as_it_was(monkeypatch, name, module, variable):
    monkeypatch.setattr(module, variable, 5)
    peer = find_peer(name)
    peer.decode(peer.encode(Image.fromarray(smooth_picture(16, 16)), 50))
    assert getattr(module, variable) == 5


def test_a_peer_without_its_plugin_is_left_out_or_refused_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "jxl" not in installed_peers()
    with pytest.raises(LicodecError, match=r"^codec jxl needs .*pip install 'licodec\[jxl\]'"):
        find_peer("jxl")


def test_a_picture_that_a_peer_refuses_is_a_licodec_error():
    with pytest.raises(LicodecError, match="cannot write 8x8 px as JXL"):
        find_peer("jxl").encode(Image.new("RGB", (8, 8)), 100)
    too_wide = Image.new("RGB", (16384, 1))  # WebP ends at 16383 px
    with pytest.raises(LicodecError, match="cannot write 16384x1 px as WEBP"):
        find_peer("webp").encode(too_wide, 50)


@pytest.mark.parametrize("name", PEERS)
def test_a_file_that_a_peer_does_not_read_back_is_a_licodec_error(name):
    data = find_peer(name).encode(Image.fromarray(smooth_picture(16, 16)), 50)
    with pytest.raises(LicodecError, match="Pillow cannot read back the 20 bytes that it wrote"):
        find_peer(name).decode(data[:20])


def test_an_unknown_peer_is_reported_with_the_known_ones():
    with pytest.raises(LicodecError, match=r"'gif'.*jpeg.*avif"):
        find_peer("gif")
