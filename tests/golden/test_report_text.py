"""Reports look as they did: their text is held in files beside this one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpzswap.report import bench, chaos, comparison, kernel_files, stress
from tests.tools.reports import (
    bench_report,
    chaos_report,
    comparison_report,
    faulty_report,
    stress_report,
)

HERE = Path(__file__).parent

TEXTS: dict[str, Callable[[], str]] = {
    "stress": lambda: stress.text(stress_report()),
    "stress_faults": lambda: stress.text(faulty_report()),
    "comparison": lambda: comparison.text(comparison_report()),
    "kernel_files": lambda: kernel_files.text(stress_report()),
    "chaos": lambda: chaos.text(chaos_report()),
    "bench": lambda: bench.text(bench_report()),
}


@pytest.mark.parametrize("name", TEXTS)
def test_report_text(name: str) -> None:
    """A change of a table is seen in the file of the commit that makes it."""
    assert TEXTS[name]() == (HERE / f"report_{name}.txt").read_text()
