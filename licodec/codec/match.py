"""A header in, an error out unless the installed weights decode it exactly; loads no torch."""

from __future__ import annotations

from licodec.container.format import Header
from licodec.errors import ModelError
from licodec.profiles import family_name, find_family


def check_family(header: Header) -> None:
    """Compare what a file needs with what is installed.

    Raises:
        ModelError: unknown or missing latent family, another version of it, or one without tables
            for the file's quantizer.
    """
    name = family_name(header.family_id)
    if name is None:
        raise ModelError(
            f"made with latent family {header.family_id}, which this licodec does not know; "
            "install a newer one"
        )
    installed = find_family(header.family_id)
    if installed is None or installed.fingerprint != header.family_fingerprint:
        found = "none" if installed is None else installed.fingerprint.hex()
        raise ModelError(
            f"made with weights {name} {header.family_fingerprint.hex()}, installed is {found}; "
            "install the licodec version that wrote the file"
        )
    if header.quantizer != "rounding" and not installed.has_trellis:
        raise ModelError(
            f"names quantizer {header.quantizer}, for which latent family {name} has no tables; "
            "copy or download the file again"
        )
