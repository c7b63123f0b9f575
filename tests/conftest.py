"""Settings that hold for every test, and the codec that several folders share."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from licodec.api import Codec
    from licodec.codec.model import Family

# Derandomised: the same examples on every run and machine. No deadline: no test asserts on time.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def interrupt_handler() -> None:
    """Ctrl-C raises KeyboardInterrupt, also in a run that a shell started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def codec() -> Codec:
    """The installed default profile and tune on the CPU."""
    from licodec.api import Codec

    return Codec(device="cpu")


@pytest.fixture(scope="session")
def psnr_codec() -> Codec:
    """The same, for tests about squared errors."""
    from licodec.api import Codec

    return Codec(device="cpu", tune="psnr")


@pytest.fixture(scope="session")
def family() -> Family:
    """The installed latent family of the default tune."""
    from licodec.codec.model import load_family
    from licodec.profiles import list_profiles

    return load_family(list_profiles()[0])
