"""Find the topology that a command is given, by name or by file; list those we have."""

from pathlib import Path

from mpzswap.errors import TopologyError
from mpzswap.topology import named
from mpzswap.topology.model import Topology


def find_topology(name_or_file: str) -> Topology:
    """
    Give the named topology, or else the one in the file.

    Raises:
        TopologyError: neither is there, or the file is wrong.
    """
    known = named.names()
    if name_or_file in known:
        return Topology.named(name_or_file)
    try:
        is_file = Path(name_or_file).is_file()
    except OSError as error:  # Too long for a name, say.
        raise TopologyError(f"topology: {error.strerror}") from error
    if is_file or name_or_file.endswith((".yaml", ".yml")):
        return Topology.load(name_or_file)
    raise TopologyError(
        f"topology: {name_or_file!r}: must be a file or one of {', '.join(known)}"
    )


def named_topologies() -> list[Topology]:
    """Give every named topology, the host's first."""
    return [Topology.named(name) for name in named.names()]
