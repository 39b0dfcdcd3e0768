"""
zswap with IAA compress batching, in user space.

              page          4 KiB; where they come from
               |
             zswap          store, load, entries, pool, limits               acts
               |
    - - - -  acomp  - - - - the request: compress these, into there          contract
               |
            driver          chooses queues, prepares, polls, falls back      acts
               |
    - - - -  ring   - - - - descriptor, lanes, shared memory                 contract
               |
            device          its own process: queues, engines, answers        acts
               |
    - - - completion  - - - record, status codes, what each means            contract
               |
   back up:  driver -> acomp -> zswap

Around them: topology (contract), clock (contract), codec (leaf), machine (puts
processes together, gives the public API), workload (what sends pages), report
(leaf), cli (edge).  Rooms that act import contracts and leaves, never each other.
Under the virtual clock workers and devices are coroutines of one process.

What is public is imported when it is first asked for (PEP 562): a command has to see
to Ctrl-C before numpy and the others take their time.
"""

import importlib
import typing

from mpzswap.version import __version__

if typing.TYPE_CHECKING:
    from mpzswap.acomp.request import Path
    from mpzswap.completion.status import Status
    from mpzswap.errors import (
        BusyError,
        ClosedError,
        CodecError,
        CompletionTimeoutError,
        CorruptStreamError,
        DeviceDiedError,
        InputError,
        LoadError,
        MpzswapError,
        NotStoredError,
        OutputOverflowError,
        QueueFullError,
        TopologyError,
    )
    from mpzswap.machine.cpu import Batch, Cpu
    from mpzswap.machine.machine import Machine
    from mpzswap.machine.packed import Packed
    from mpzswap.machine.store import PageStore
    from mpzswap.topology.model import Topology

__all__ = [
    "Batch",
    "BusyError",
    "ClosedError",
    "CodecError",
    "CompletionTimeoutError",
    "CorruptStreamError",
    "Cpu",
    "DeviceDiedError",
    "InputError",
    "LoadError",
    "Machine",
    "MpzswapError",
    "NotStoredError",
    "OutputOverflowError",
    "Packed",
    "PageStore",
    "Path",
    "QueueFullError",
    "Status",
    "Topology",
    "TopologyError",
    "__version__",
]

# Where each public name is.
_PLACES = {
    "Batch": "mpzswap.machine.cpu",
    "BusyError": "mpzswap.errors",
    "ClosedError": "mpzswap.errors",
    "CodecError": "mpzswap.errors",
    "CompletionTimeoutError": "mpzswap.errors",
    "CorruptStreamError": "mpzswap.errors",
    "Cpu": "mpzswap.machine.cpu",
    "DeviceDiedError": "mpzswap.errors",
    "InputError": "mpzswap.errors",
    "LoadError": "mpzswap.errors",
    "Machine": "mpzswap.machine.machine",
    "MpzswapError": "mpzswap.errors",
    "NotStoredError": "mpzswap.errors",
    "OutputOverflowError": "mpzswap.errors",
    "Packed": "mpzswap.machine.packed",
    "PageStore": "mpzswap.machine.store",
    "Path": "mpzswap.acomp.request",
    "QueueFullError": "mpzswap.errors",
    "Status": "mpzswap.completion.status",
    "Topology": "mpzswap.topology.model",
    "TopologyError": "mpzswap.errors",
}


if not typing.TYPE_CHECKING:
    # Unseen by type checkers: with it, no wrong name would be one for them.

    def __getattr__(name: str) -> object:
        """Import a public name, once: afterwards it is there as any other."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(_PLACES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Give what is there and what will be."""
    return sorted({*globals(), *__all__})
