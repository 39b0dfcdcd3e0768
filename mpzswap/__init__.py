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
"""

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
from mpzswap.version import __version__

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
