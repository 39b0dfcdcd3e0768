"""
Runs on a Dask cluster: its scheduler's address, as a ``concurrent.futures`` executor.

Its workers need this package and nothing else of ours.  A run that has begun there
cannot be interrupted; one that has not is cancelled with its future.
"""

import contextlib
import importlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

from mpzswap.errors import InputError, MpzswapError

# Ours: a handshake takes milliseconds; the rest is for a loaded scheduler.
CONNECT_TIMEOUT_S = 10.0
# Workers may be on their way still.
WORKERS_TIMEOUT_S = 30.0
# Between two looks whether there are workers: each asks the scheduler.
CHECK_INTERVAL_S = 5.0


# Of Dask's addresses those that other hosts can have.
# Not tls nor wss: nobody gives us certificates.
ADDRESS = r"((tcp|ws)://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})"
MAX_PORT = 65535


def check_address(address: str) -> None:
    """
    Refuse what is no address.

    Raises:
        InputError: it is none.
    """
    found = re.fullmatch(ADDRESS, address, re.ASCII)
    if found is None or not 0 < int(found["port"]) <= MAX_PORT:
        raise InputError(
            f"scheduler {address!r}: must be an address such as tcp://host:8786, of "
            "tcp or ws"
        )


class Executor(Protocol):
    """A client's executor, as far as we use it."""

    def submit(self, work: Callable[..., bytes], task: bytes) -> Future[bytes]:
        """Have *work* done with *task*."""


class Client(Protocol):
    """A client of the package, which may be missing, as far as we use it."""

    def get_executor(self, *, pure: bool) -> Executor:
        """Give an executor of its workers."""

    def scheduler_info(self) -> dict[str, Any]:
        """Ask the scheduler what it has."""


class Cluster:
    """
    An executor of the workers that a scheduler has.

    Args:
        client: of the scheduler, connected.
        address: of it.
        now_s: the time that a limit counts.
    """

    def __init__(
        self, client: Client, address: str, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._address = address
        self._now_s = now_s
        self._executor = client.get_executor(pure=False)
        self._looked_s = self._seen_s = now_s()

    def submit(self, work: Callable[..., bytes], task: bytes) -> Future[bytes]:
        """Have a worker do *work* with *task*."""
        return self._executor.submit(work, task)

    def check(self) -> None:
        """
        Look now and then whether there is somebody to do it.

        Raises:
            MpzswapError: there has been nobody for long.
        """
        now_s = self._now_s()
        if now_s - self._looked_s < CHECK_INTERVAL_S:
            return
        self._looked_s = now_s
        # A scheduler that is gone gives up the futures, which tells more.
        with contextlib.suppress(OSError):
            if self._client.scheduler_info()["workers"]:
                self._seen_s = now_s
        if now_s - self._seen_s > WORKERS_TIMEOUT_S:
            raise no_workers(self._address)


def no_workers(address: str) -> MpzswapError:
    """Give what is raised where there are none."""
    return MpzswapError(
        f"scheduler {address}: has no worker within {WORKERS_TIMEOUT_S:g} s"
    )


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """
    Give the executor of the cluster whose scheduler is at *address*.

    Raises:
        InputError: it is no address, or the package for that is not installed.
        MpzswapError: the scheduler does not answer, or has no workers.
    """
    check_address(address)
    with _client(address) as client:
        try:
            client.wait_for_workers(1, WORKERS_TIMEOUT_S)
        except TimeoutError as error:
            raise no_workers(address) from error
        yield Cluster(client, address)


def _client(address: str) -> Any:  # noqa: ANN401 - of a package that may be missing
    try:
        # An extra, which takes a second to import; its types are where it is.
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise InputError(
            f"scheduler {address}: needs the package distributed: "
            "pip install 'mpzswap[cluster]'"
        ) from error
    # It logs with tracebacks, by many loggers of their own levels; what matters to a
    # user we say, and nothing of ours logs.
    logging.disable()
    # One that is connected is closed by its block.  For one that is not, a destructor
    # would wait 20 s, and print a traceback.
    kind = type("Client", (distributed.Client,), {"__del__": lambda _: None})
    try:
        return kind(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except Exception as error:  # whatever is at that port, and says what it likes
        raise MpzswapError(
            f"scheduler {address}: cannot be reached within {CONNECT_TIMEOUT_S:g} s"
        ) from error
