"""
Runs on a Dask cluster: its scheduler's address, as a ``concurrent.futures`` executor.

Its workers need this package and nothing else of ours.  A run that has begun there
cannot be interrupted; one that has not is cancelled with its future.
"""

import contextlib
import importlib
import re
from collections.abc import Iterator
from typing import Any

from mpzswap.errors import InputError, MpzswapError

# Ours: a handshake takes milliseconds; the rest is for a loaded scheduler.
CONNECT_TIMEOUT_S = 10.0
# Workers may be on their way still.
WORKERS_TIMEOUT_S = 30.0


# Of Dask's addresses those that other hosts can have.
ADDRESS = r"((tcp|tls|wss?)://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})"
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
            f"scheduler {address!r}: must be an address such as tcp://host:8786"
        )


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
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
            raise MpzswapError(
                f"scheduler {address}: has no worker within {WORKERS_TIMEOUT_S:g} s"
            ) from error
        yield client.get_executor(pure=False)


def _client(address: str) -> Any:  # noqa: ANN401 - of a package that may be missing
    try:
        # An extra, which takes a second to import; its types are where it is.
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise InputError(
            f"scheduler {address}: needs the package distributed: "
            "pip install 'mpzswap[cluster]'"
        ) from error
    try:
        return distributed.Client(
            address, timeout=CONNECT_TIMEOUT_S, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise MpzswapError(
            f"scheduler {address}: cannot be reached within {CONNECT_TIMEOUT_S:g} s"
        ) from error
