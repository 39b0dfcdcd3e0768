"""The topologies that come with mpzswap: their names, and where their files are."""

from pathlib import Path

from mpzswap.errors import TopologyError

# Not a file: made for the machine that asks.
HOST = "host"

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
