"""Topologies and timing profiles that come with mpzswap: names, and their files."""

from pathlib import Path

from mpzswap.errors import TopologyError

# Not a file: made for the machine that asks.
HOST = "host"

# The folder of timing profiles, inside that of the topologies.
TIMING = "timing"

# A wheel has the files inside the package; in a checkout they are at the top.
FOLDERS = (
    Path(__file__).parent / "named",
    Path(__file__).parent.parent.parent / "topology",
)


def folder() -> Path:
    """Give the folder that has the files; an installed one before a checkout's."""
    return next((place for place in FOLDERS if place.is_dir()), FOLDERS[0])


def names() -> tuple[str, ...]:
    """Give all names, "host" first."""
    return (HOST, *sorted(path.stem for path in folder().glob("*.yaml")))


def path_of(name: str) -> Path:
    """
    Give the file of the topology *name*.

    Raises:
        TopologyError: there is none.
    """
    if name not in names()[1:]:
        raise TopologyError(f"topology: {name!r}: must be one of {', '.join(names())}")
    return folder() / f"{name}.yaml"


def timing_names() -> tuple[str, ...]:
    """Give the names of all timing profiles."""
    return tuple(sorted(path.stem for path in (folder() / TIMING).glob("*.yaml")))


def timing_path_of(name: str) -> Path:
    """
    Give the file of the timing profile *name*.

    Raises:
        TopologyError: there is none.
    """
    if name not in timing_names():
        known = ", ".join(timing_names())
        raise TopologyError(f"timing: {name!r}: must be one of {known}")
    return folder() / TIMING / f"{name}.yaml"
