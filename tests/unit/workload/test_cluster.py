"""The way to a cluster, where there is none."""

import sys
from typing import cast

import pytest

from mpzswap.errors import InputError, MpzswapError
from mpzswap.workload.cluster import (
    CHECK_INTERVAL_S,
    WORKERS_TIMEOUT_S,
    Cluster,
    check_address,
    connected,
)
from mpzswap.workload.run_process import RunProcesses


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "localhost:8786", "ws://[::1]:1", "a-b.c:65535"]
)
def test_address_of_a_scheduler_is_taken(address: str) -> None:
    """With the protocol or without."""
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "host", "tcp://host", "host:0", "host:65536", "http://a:1", "tls://a:1"],
)
def test_other_words_are_refused(address: str) -> None:
    """They are quoted, with an example."""
    with pytest.raises(InputError, match="must be an address such as tcp://host:8786"):
        check_address(address)


class FakeClient:
    """
    A client whose scheduler says what a test says.

    Attributes:
        workers: that there are; None: the scheduler is gone.
        asked: how often.
    """

    def __init__(self) -> None:
        self.workers: dict[str, object] | None = {}
        self.asked = 0

    def get_executor(self, *, pure: bool) -> RunProcesses:
        """Nothing is submitted here."""
        assert not pure
        return cast("RunProcesses", None)

    def scheduler_info(self) -> dict[str, object]:
        """Tell."""
        self.asked += 1
        if self.workers is None:
            raise OSError("closed")
        return {"workers": self.workers}


def check_for(client: FakeClient, seconds: int) -> None:
    """Look ten times a second for so long."""
    now_s = 0.0
    cluster = Cluster(client, "tcp://a:1", lambda: now_s)
    for tenth in range(10 * seconds):
        now_s = tenth / 10
        cluster.check()


@pytest.mark.parametrize("workers", [{}, None])
def test_cluster_without_workers_is_given_up(workers: dict[str, object] | None) -> None:
    """Not at once: they may be started anew."""
    client = FakeClient()
    client.workers = workers
    check_for(client, int(WORKERS_TIMEOUT_S))

    with pytest.raises(MpzswapError, match="tcp://a:1: has no worker within 30 s"):
        check_for(client, 2 * int(WORKERS_TIMEOUT_S))


def test_cluster_that_has_a_worker_is_asked_now_and_then() -> None:
    """Each look is a question to its scheduler."""
    client = FakeClient()
    client.workers = {"tcp://b:1": {}}
    check_for(client, 100)

    assert client.asked == 100 // CHECK_INTERVAL_S - 1


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "distributed", None)

    with (
        pytest.raises(InputError, match=r"needs the package .* 'mpzswap\[cluster\]'"),
        connected("localhost:1"),
    ):
        pass
