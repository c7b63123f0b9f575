"""JPEG 2000 of more or fewer than 8 bits is white where its file is white."""

import base64
import io

import numpy as np
import pytest

from licodec.errors import ImageError
from licodec.image.files import read_picture
from licodec.image.picture import Picture

# Made by OpenJPEG 2.5.4: eight rows of `DEEP`, each pixel three times, with either wavelet; a ramp
# of 4 bits; four rows of 1 bit, half black and half white, in boxes.
REVERSIBLE = (
    "/0//UQAvAAAAAAAMAAAACAAAAAAAAAAAAAAADAAAAAgAAAAAAAAAAAADDwEBDwEBDwEB/1IADAAAAAEBAAQEAAH/"
    "XAAEQID/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAADJAAH/k8/8MkAiFAWv"
    "OMxUwADHoLKaCjYIQAY9BZTPqMvXvIxTiJ4tMU4AyZQTd+KJ7Ti/FE9pxfiie04vxRPacX4ontOL8UT2nF+KJ7Ti"
    "/EXohAvTF+KJ7Ti/FE9pxfiie04wi7qsaw+xrD7GsPsaw+xrD7GsPsaw+xrD7GsPsaw+xrD7GsPsaw+xrD7GsPsa"
    "w+kFSEVNX4nP/DA0EVAkFs/BEeiL0PI0z9/4kJARUCN6HSiV5HoE/WCvTJdCkH//2Q=="
)
IRREVERSIBLE = (
    "/0//UQAvAAAAAAAMAAAACAAAAAAAAAAAAAAADAAAAAgAAAAAAAAAAAADDwEBDwEBDwEB/1IADAAAAAEBAAQEAAD/"
    "XAAFQoAA/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS40/5AACgAAAAABOwAB/5PP/DIwIhQF"
    "qFVnaVPojFAAAZchqUrjDzCAACP+FAxGbPkaw+kFSEVNX4ontOMIu6rIEiXvxRPacX4ontOL8UVp7HgMeiCp1fiL"
    "0Qb0/RrD7GsPpBRhZjWU1lNZTWU1lNaOcf41h9jWH2NYfY1h9kCRL34ontOMIu6qQVIRU1fiL0QhLnsAABbn1R8o"
    "4sxrKazH/gyuQC4MyLd2o/lsqGgGPGRSQPqGQUYWj90msprKa0fghIAwNaYUUaymsprR7MGIKMLOyNNdUmsprKa0"
    "fs5YAwfD8CH5x/IKjfKYR0p1GsPpBUcggNuy6iQlz/ww+BFQI3odKJXkeZpzgAAj5nlEFSJfQzEBjxkUPKmS/whI"
    "AAW59UfKX0zTp9GDWU1lNaQlrFmLuJ0KYAMml/9//9k="
)
RAMP_4 = (
    "/0//UQApAAAAAAAQAAAABAAAAAAAAAAAAAAAEAAAAAQAAAAAAAAAAAABAwEB/1IADAAAAAEAAAQEAAH/XAAEQCD/"
    "ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAAnAAH/k98hYBFpSxA/FSsesQbt"
    "EfUe1TdMH/KJ/3//2Q=="
)
HALVES_1 = (
    "AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRyAAAABAAAABAAAQAHAAAAAAAP"
    "Y29scgEAAAAAABEAAACIanAyY/9P/1EAKQAAAAAAEAAAAAQAAAAAAAAAAAAAABAAAAAEAAAAAAAAAAAAAQABAf9S"
    "AAwAAAABAAAEBAAB/1wABEAI/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS40/5AACgAAAAAA"
    "FgAB/5PTABFQUxj/f//Z"
)

DEEP = ((0, 65535, 32768), (65535, 65408, 65407), (127, 128, 129), (65535, 0, 0))


def read(text: str) -> Picture:
    return read_picture(io.BytesIO(base64.b64decode(text)))


@pytest.mark.parametrize(("text", "tolerance"), [(REVERSIBLE, 0.51), (IRREVERSIBLE, 3)])
def test_white_of_16_bits_is_not_black(text: str, tolerance: float) -> None:
    picture = read(text)
    wanted = np.repeat(np.array(DEEP) / 65535 * 255, 3, 0)
    assert np.abs(picture.pixels - wanted[None]).max() <= tolerance
    assert picture.notes == ("16-bit samples reduced to 8 bits",)


def test_few_bits_use_the_whole_range() -> None:
    np.testing.assert_array_equal(read(RAMP_4).pixels, np.tile(np.arange(0, 256, 17), (4, 1)))
    np.testing.assert_array_equal(read(HALVES_1).pixels, np.tile([0] * 8 + [255] * 8, (4, 1)))


def test_wavelet_that_the_header_misstates_is_found_out() -> None:
    data = base64.b64decode(REVERSIBLE)
    style = data.index(b"\xff\x52")
    end = style + 14
    # Each component has a style of its own, which goes before that of all.
    own = (b"\xff\x53\0\x09" + bytes([i, 0]) + data[end - 5 : end - 1] + b"\0" for i in range(3))
    with pytest.raises(ImageError, match="is a JPEG 2000 of 16/16/16 bits in a layout"):
        read_picture(io.BytesIO(data[:end] + b"".join(own) + data[end:]))
