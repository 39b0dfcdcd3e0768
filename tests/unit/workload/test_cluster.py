"""The way to a cluster, where there is none."""

import sys

import pytest

from mpzswap.errors import InputError
from mpzswap.workload.cluster import check_address, connected


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "localhost:8786", "tls://[::1]:1", "a-b.c:65535"]
)
def test_address_of_a_scheduler_is_taken(address: str) -> None:
    """With the protocol or without."""
    check_address(address)


@pytest.mark.parametrize(
    "address", ["", "host", "tcp://host", "host:0", "host:65536", "http://a:1", "a b:1"]
)
def test_other_words_are_refused(address: str) -> None:
    """They are quoted, with an example."""
    with pytest.raises(InputError, match="must be an address such as tcp://host:8786"):
        check_address(address)


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "distributed", None)

    with (
        pytest.raises(InputError, match=r"needs the package .* 'mpzswap\[cluster\]'"),
        connected("localhost:1"),
    ):
        pass
