"""The README's examples run, and its tables say what is there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mpzswap

README = (Path(__file__).parents[2] / "README.md").read_text()
PACKAGE = Path(mpzswap.__file__).parent
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
# An example takes some tenths of a second; a loaded machine may take its time.
LIMIT_S = 60.0


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_runs_as_a_script(number: int, tmp_path: Path) -> None:
    """At the top level, without a __main__ guard, from any directory."""
    script = tmp_path / "example.py"
    script.write_text(EXAMPLES[number])

    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=tmp_path,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_there_are_examples() -> None:
    """The pattern that finds them finds some."""
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(
    "room", sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))
)
def test_room_is_in_the_readme(room: str) -> None:
    """By its name and its one sentence."""
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())

    assert f"| `{room}` | {(ast.get_docstring(tree) or '').rstrip('.')} |" in README
