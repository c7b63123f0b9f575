"""Refuses a header that the installed weights do not decode exactly; loads no torch."""

from __future__ import annotations

from licodec.container.format import Header
from licodec.errors import ModelError
from licodec.profiles import family_name, find_fingerprint


def check_family(header: Header) -> None:
    """Compare what a file needs with what is installed.

    Raises:
        ModelError: unknown or missing latent family, or another version of it.
    """
    name = family_name(header.family_id)
    if name is None:
        raise ModelError(
            f"made with latent family {header.family_id}, which this licodec does not know; "
            "install a newer one"
        )
    installed = find_fingerprint(header.family_id)
    if installed != header.family_fingerprint:
        found = "none" if installed is None else installed.hex()
        raise ModelError(
            f"made with weights {name} {header.family_fingerprint.hex()}, installed is {found}; "
            "install the licodec version that wrote the file"
        )
