"""
One run of a sweep, wherever it is done: bytes of JSON go in and come out.

Whoever does it needs this package and nothing of ours else: what is sent is words and
numbers, and the topology written out, whose file may be on another host.
"""

from collections.abc import Callable

import msgspec

from mpzswap.errors import MpzswapError
from mpzswap.report.sweep_records import Parameters
from mpzswap.topology.load import changed
from mpzswap.topology.model import Topology
from mpzswap.workload import stress
from mpzswap.workload.plan import Progress, Wishes, choose

OnProgress = Callable[[Progress], None]


class Task(msgspec.Struct, frozen=True):
    """A run that is to be done; *topology* is without the changes in *parameters*."""

    parameters: Parameters
    topology: Topology


class Result(msgspec.Struct, frozen=True):
    """What came of it: a report, or why there is none."""

    ok: bool = False
    error: str | msgspec.UnsetType = msgspec.UNSET
    report: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def run_one(task: bytes, on_progress: OnProgress = lambda _: None) -> bytes:
    """Do a ``Task``; give its ``Result``, also if it cannot be done."""
    try:
        plan = choose(wishes_of(msgspec.json.decode(task, type=Task)))
        report = stress.run(plan, on_progress)
    except MpzswapError as error:
        result = Result(error=str(error))
    except MemoryError:
        result = Result(error="the host has not enough memory")
    else:
        raw = msgspec.Raw(msgspec.json.encode(report))
        result = Result(ok=report.ok, report=raw)
    return msgspec.json.encode(result)


def wishes_of(task: Task) -> Wishes:
    """
    Give what the parameters ask for.

    Raises:
        TopologyError: the changes, together, do not fit the topology.
    """
    said = dict(task.parameters)
    said.pop("topology")
    changes = tuple(f"{key}={value}" for key, value in said.pop("set", {}).items())
    faults = tuple(said.pop("inject", ()))
    if "swap" in said:
        said["swap"] = tuple(said["swap"])
    # Of a word that a run does not know yet there is one value, the default.
    known = {word: said[word] for word in said if word in Wishes.__struct_fields__}
    topology = changed(task.topology, changes)
    return Wishes(topology=topology, changes=changes, faults=faults, **known)
