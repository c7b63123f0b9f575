"""One photograph through licodec and back, beside JPEG, WebP and AVIF at equal quality
to the eye, by SSIMULACRA 2.

Run: python examples/demo.py [PHOTO] [--quality Q]
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

import licodec
from licodec.config import DEFAULT_QUALITY
from licodec.evaluate.peers import find_peer
from licodec.evaluate.score_match import PeerMatch, match_score
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.metrics.ssimulacra2 import ssimulacra2

PHOTO = Path(__file__).parent / "photos" / "coffee.png"
PROFILE = "balanced"

# Peer and its range of quality settings.
PEERS = (("jpeg", (1, 100)), ("webp", (0, 100)), ("avif", (0, 100)))

CAPTION = (
    "Whole files without metadata; times in process, licodec after one warm-up. Peers: the file "
    "of the lowest quality whose SSIMULACRA 2 is not below licodec's. Smaller by: licodec's file "
    "against the peer's size at exactly licodec's score, interpolated between that file and the "
    "one at the next lower quality."
)


def score(reference: np.ndarray, decoded: np.ndarray) -> float:
    """SSIMULACRA 2 of a picture that is large enough for it."""
    found = ssimulacra2(reference, decoded)
    assert found is not None
    return found


def run_licodec(photo: Image.Image, quality: float) -> PeerMatch:
    """Compress and decompress with the public API; the figures of its file."""
    codec = licodec.Codec(PROFILE)
    codec.decode(codec.encode(photo, quality=quality))  # warm up
    started = time.perf_counter()
    data = codec.encode(photo, quality=quality)
    encoded = time.perf_counter()
    decoded = codec.decode(data)
    finished = time.perf_counter()
    return PeerMatch(
        quality=round(quality),
        num_bytes=len(data),
        score=score(np.asarray(photo), np.asarray(decoded.convert("RGB"))),
        num_bytes_at_target=len(data),
        encode_s=encoded - started,
        decode_s=finished - encoded,
    )


def cells(name: str, figures: PeerMatch, num_px: int, smaller: str) -> list[str]:
    return [
        name,
        str(figures.quality),
        f"{figures.num_bytes:,}",
        f"{8 * figures.num_bytes / num_px:.3f}",
        f"{figures.score:.2f}",
        f"{1000 * figures.encode_s:.0f}",
        f"{1000 * figures.decode_s:.0f}",
        smaller,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photo", nargs="?", type=Path, default=PHOTO)
    parser.add_argument("--quality", type=float, default=DEFAULT_QUALITY, help="1 to 100")
    arguments = parser.parse_args()

    with Image.open(arguments.photo) as opened:
        reference = np.asarray(opened.convert("RGB"))
    if min(reference.shape[:2]) < MIN_SIDE_PX:
        parser.error(f"{arguments.photo} has a side below {MIN_SIDE_PX} px; take a larger picture")
    photo = Image.fromarray(reference)  # pixels only: no codec has to carry metadata
    ours = run_licodec(photo, arguments.quality)

    num_px = photo.width * photo.height
    title = f"{arguments.photo.name}, {photo.width}x{photo.height} px, licodec's {PROFILE} profile"
    table = Table(title=title, caption=CAPTION, caption_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column("codec", no_wrap=True)
    for column in ("quality", "bytes", "bpp", "SSIMULACRA 2", "enc ms", "dec ms"):
        table.add_column(column, justify="right")
    table.add_column("smaller by", justify="right", no_wrap=True)
    table.add_row(*cells("licodec", ours, num_px, ""))
    for name, bounds in PEERS:
        match = match_score(find_peer(name), reference, ours.score, bounds, score)
        if match is None:
            table.add_row(name, *("-",) * 6, "not reached")
            continue
        smaller = f"{1 - ours.num_bytes / match.num_bytes_at_target:.1%}"
        table.add_row(*cells(name, match, num_px, smaller))
    Console().print(table)


if __name__ == "__main__":
    main()
