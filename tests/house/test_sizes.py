"""No module grows beyond what can be read in one go."""

from pathlib import Path

import pytest

import mpzswap

PACKAGE = Path(mpzswap.__file__).parent
# Ours: aim at 200 lines, ask at 400 which two things these are, never above this.
MAX_LINES = 600


def too_long(path: Path) -> bool:
    """Tell whether a module has more lines than it may."""
    return len(path.read_text().splitlines()) > MAX_LINES


@pytest.mark.parametrize(
    "module", sorted(str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py"))
)
def test_module_has_a_size_that_can_be_read(module: str) -> None:
    """A longer one is two things."""
    assert not too_long(PACKAGE / module)


def test_long_module_is_found(tmp_path: Path) -> None:
    """The test of sizes can fail."""
    module = tmp_path / "long.py"
    module.write_text("x = 1\n" * (MAX_LINES + 1))

    assert too_long(module)


@pytest.mark.parametrize("room", sorted(PACKAGE.glob("*/__init__.py")))
def test_room_is_one_sentence(room: Path) -> None:
    """Its __init__ has that and nothing else, so no import can hide there."""
    lines = room.read_text().splitlines()

    assert len(lines) == 1
    assert lines[0].startswith('"""')
