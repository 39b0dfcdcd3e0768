"""The README says where each patch lives, and tests/README.md which test shows it."""

import ast
import re
from pathlib import Path

import pytest

import mpzswap

TESTS = Path(__file__).parents[1]
PACKAGE = Path(mpzswap.__file__).parent
# The 13 patches of RFC v1.
PATCHES = [f"{number:02}" for number in range(1, 14)]


def rows(file: Path, heading: str) -> list[list[str]]:
    """Give the cells of each row of the table below *heading*."""
    part = file.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table][
        2:
    ]


SERIES = rows(TESTS.parent / "README.md", "The series, and where it lives here")
SHOWN = rows(TESTS / "README.md", "Which test shows which row of the series")


PROMISES = rows(TESTS / "README.md", "Which promise is shown where, and which is not")


def named_tests() -> list[tuple[str, str]]:
    """Give each test that the tables name, as its file and its name."""
    found = []
    for _, cell in SHOWN + PROMISES:
        file = ""
        for path, name in re.findall(r"`([^`:]*)::(\w+)`", cell):
            file = path or file
            found.append((file, name))
    return found


def test_every_patch_has_a_row() -> None:
    """Some share one."""
    assert ", ".join(row[0] for row in SERIES).split(", ")[: len(PATCHES)] == PATCHES


def test_every_promise_has_its_tests() -> None:
    """What has none is below the table."""
    assert len(PROMISES) > 20
    assert all("::" in row[1] for row in PROMISES)


def test_every_row_has_its_tests() -> None:
    """Row by row, in the same order."""
    assert [row[0] for row in SHOWN] == [row[0] for row in SERIES]
    assert all("::" in row[1] for row in SHOWN)


@pytest.mark.parametrize("number", range(len(SERIES)))
def test_row_names_rooms_that_there_are(number: int) -> None:
    """And says how to turn it on and off."""
    _, what, rooms, switch = SERIES[number]
    named = re.findall(r"`(\w+)`", rooms)

    assert named
    assert all((PACKAGE / room / "__init__.py").exists() for room in named)
    assert what
    assert switch


@pytest.mark.parametrize(("file", "name"), sorted(set(named_tests())))
def test_named_test_is_there(file: str, name: str) -> None:
    """A test that was renamed is renamed here too."""
    tree = ast.parse((TESTS / file).read_text())

    assert name in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
