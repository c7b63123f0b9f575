"""A folder of encoded pictures or crops that may grow to a limit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from licodec.errors import LicodecError, TrainingError
from licodec.files import make_folder, write_file
from licodec.train.processes import num_processes


class CacheFolder:
    """What a cache takes on disk, and may take.

    Attributes:
        path: of the folder; it is made with its first file.
        num_bytes: of all its files, whichever run made them.

    Args:
        path: see above.
        limit_bytes: of all files; several processes share what is left of it.
    """

    def __init__(self, path: Path, limit_bytes: float) -> None:
        self.path = path
        self.num_bytes = sum(p.stat().st_size for p in path.rglob("*.safetensors"))
        self._limit_bytes = self.num_bytes + (limit_bytes - self.num_bytes) / num_processes()

    def has_room(self, num_bytes: float) -> bool:
        """Whether so much more fits within the limit."""
        return self.num_bytes + num_bytes <= self._limit_bytes

    def write(
        self, path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
    ) -> None:
        """Add a safetensors file; whether there is room is the caller's matter.

        Raises:
            TrainingError: it cannot be written.
        """
        data = save(dict(tensors), metadata)
        try:
            make_folder(path.parent)
            write_file(path, data, replace=True)
        except LicodecError as error:
            raise TrainingError(
                f"the cache cannot be written: {error}; free space or name another --cache"
            ) from error
        self.num_bytes += len(data)
