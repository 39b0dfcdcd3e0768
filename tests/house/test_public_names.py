"""Public is what is listed, and what is listed exists and is documented."""

import inspect
import types
from pathlib import Path

import pytest

import mpzswap

README = Path(__file__).parents[2] / "README.md"


def public_names(module: types.ModuleType) -> set[str]:
    """Give the names of *module* that are no submodules and have no underscore."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }


def test_all_lists_what_is_there() -> None:
    """No name is public by accident, and none is missing."""
    for name in mpzswap.__all__:
        # They are imported when they are asked for.
        getattr(mpzswap, name)

    assert public_names(mpzswap) == set(mpzswap.__all__) - {"__version__"}


def test_stray_name_is_found() -> None:
    """The test of public names can fail."""
    module = types.ModuleType("stray")
    module.__dict__["helper"] = print

    assert public_names(module) == {"helper"}


@pytest.mark.parametrize("name", sorted(set(mpzswap.__all__) - {"__version__"}))
def test_public_name_has_a_docstring(name: str) -> None:
    """Whoever asks for help gets some."""
    assert inspect.getdoc(getattr(mpzswap, name))


@pytest.mark.parametrize("name", sorted(set(mpzswap.__all__) - {"__version__"}))
def test_public_name_is_in_the_readme(name: str) -> None:
    """The README names all that is public."""
    assert f"`{name}" in README.read_text() or f"mpzswap.{name}" in README.read_text()
