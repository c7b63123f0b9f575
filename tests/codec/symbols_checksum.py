"""Files in, a line of checksums out: every mean, index, symbol and plane that a decoder computes.

Run as a script in a process whose CPU features and threads are forced by its environment.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch

from licodec import native
from licodec.codec.decode import SymbolReader
from licodec.codec.model import Family, load_family
from licodec.container.read import check_crc, read_container
from licodec.prior.layout import StepElements
from licodec.profiles import list_profiles


def symbols_checksum(data: bytes, family: Family) -> str:
    """CRC-32 over all that decides symbols, in hex; raises CorruptFileError if they are wrong."""
    container = read_container(data)
    header = container.header
    reader = SymbolReader(container, family)
    crc = 0

    def code(mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        nonlocal crc
        offsets = reader(mean, index, where)
        for values in (mean.astype(np.int32), index, offsets.astype(np.int32)):
            crc = zlib.crc32(values.tobytes(), crc)
        return offsets

    planes = family.prior.planes(
        header.quality_index,
        header.height,
        header.width,
        is_grey=header.is_grey,
        code=code,
    ).whole()
    reader.steps.adaptive_filter()
    check_crc(container, reader.steps.crc)
    return f"{zlib.crc32(planes.tobytes(), crc):08x}"


if __name__ == "__main__":
    installed = load_family(list_profiles()[0])
    library = native.find()
    result = {
        "checksums": [symbols_checksum(Path(p).read_bytes(), installed) for p in sys.argv[1:]],
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "isa": None if library is None else library.isa,
    }
    sys.stdout.write(json.dumps(result) + "\n")
