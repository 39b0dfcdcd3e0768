"""
What a sweep is to do: ``stress`` with every combination of the listed values.

    topology: a, b   batch_size: 1, 8   set.driver.sync_mode: sync
         --> (a, 1, sync) (a, 8, sync) (b, 1, sync) (b, 8, sync)

The last word of the list changes first.  What is wrong by itself is refused before
anything starts; a combination that cannot be is told by its own run.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from typing import Any

import msgspec

from mpzswap.codec.table import parse_compressor
from mpzswap.errors import InputError
from mpzswap.page import mix
from mpzswap.page.source import check_name, load_pages
from mpzswap.report.sweep_records import Parameters
from mpzswap.topology.inject import with_faults
from mpzswap.topology.load import changed, find_topology
from mpzswap.topology.model import Topology

# Ours: each takes a second or more, and a line of some KB.
MAX_RUNS = 100_000
# Enough to tell the topologies of one name apart.
DIGEST_DIGITS = 16
# Before the key of a topology's attribute, whose name may be a run's word too.
SET = "set."
# Clocks under which a run is the same whatever else the host does.
CLOCKS_OF_NO_HOST = frozenset({"virtual"})

# Words, each with its values, in the order in which combinations are made.
Axes = Mapping[str, tuple[Any, ...]]


class SweepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole sweep.

    Attributes:
        axes: see ``Axes``; "topology" and "seed" are among them.
        topologies: by the names in ``axes``, without the changes in it.
    """

    axes: dict[str, tuple[Any, ...]]
    topologies: dict[str, Topology]

    def combinations(self) -> list[Parameters]:
        """Give the parameters of each run."""
        return [
            nested(dict(zip(self.axes, values, strict=True)))
            for values in product(*self.axes.values())
        ]

    def digest_of(self, parameters: Parameters) -> str:
        """Give what tells the topology of a run from others of its name."""
        written = msgspec.json.encode(self.topologies[parameters["topology"]])
        return hashlib.sha256(written).hexdigest()[:DIGEST_DIGITS]

    def varying(self) -> list[str]:
        """Give the words that have more than one value."""
        return [word for word, values in self.axes.items() if len(values) > 1]

    @property
    def depends_on_host(self) -> bool:
        """Whether runs at the same time would disturb each other."""
        return not CLOCKS_OF_NO_HOST.issuperset(self.axes.get("clock", ("work",)))


def choose(axes: Axes, *, pages_here: bool = True) -> SweepPlan:
    """
    Give the plan, each value checked by itself.

    Args:
        axes: "topology" and "seed" are among them.
        pages_here: files of pages are this host's, not those of a cluster.

    Raises:
        InputError: a value is wrong whatever it is combined with, or there are too
            many combinations.
    """
    runs = math.prod(map(len, axes.values()))
    if runs > MAX_RUNS:
        raise InputError(f"sweep: {runs} combinations: must be at most {MAX_RUNS}")
    topologies = {name: find_topology(name) for name in axes["topology"]}
    _check_topologies(axes, topologies.values())
    for compressor in axes.get("compressor", ()):
        parse_compressor(compressor)
    for source in axes.get("pages", ()):
        _check_pages(source, here=pages_here)
    return SweepPlan(axes=dict(axes), topologies=topologies)


def nested(flat: Mapping[str, Any]) -> Parameters:
    """Give the parameters of a run with the attributes of the topology below "set"."""
    parameters: Parameters = {}
    for word, value in flat.items():
        if word.startswith(SET):
            parameters.setdefault("set", {})[word.removeprefix(SET)] = value
        else:
            parameters[word] = value
    return parameters


def key_of(parameters: Parameters) -> bytes:
    """Give what two runs have in common if, and only if, they are the same."""
    return msgspec.json.encode(parameters, order="sorted")


def _check_topologies(axes: Axes, topologies: Iterable[Topology]) -> None:
    """Check what is put into a topology: its changes, and its faults."""
    for word, values in axes.items():
        if word.startswith(SET):
            for value in values:
                change = f"{word.removeprefix(SET)}={value}"
                _refuse_on_all(topologies, partial(changed, changes=[change]))
    for faults in axes.get("inject", ()):
        _refuse_on_all(topologies, partial(with_faults, lines=faults, seed=0))


def _refuse_on_all(
    topologies: Iterable[Topology], attempt: Callable[[Topology], object]
) -> None:
    """Refuse what no topology takes; where one takes it, it is a combination."""
    errors = []
    for topology in topologies:
        try:
            attempt(topology)
        except InputError as error:
            errors.append(error)
        else:
            return
    raise errors[0]


def _check_pages(source: str, *, here: bool) -> None:
    check_name(source)
    kind, colon, name = source.partition(":")
    if colon and kind == "mix":
        mix.find(name)
    elif here:
        load_pages(source, 1)
