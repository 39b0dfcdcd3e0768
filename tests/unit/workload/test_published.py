"""The table of published figures: complete, and every run in it can be had."""

from collections import Counter
from pathlib import Path

import pytest

from mpzswap.errors import InputError, TopologyError
from mpzswap.workload.memory import MAX_BATCH_SHARE
from mpzswap.workload.published import Published, Row
from mpzswap.zswap.writeback import SWAP_CLUSTER_MAX

PUBLISHED = Published.load()
ROWS = [(group.source, row) for group in PUBLISHED.groups for row in group.rows]
NAMES = [f"{source[:20]} {row.what}" for source, row in ROWS]
# Formulas that compare two runs.
OF_TWO = {"throughput_ratio", "sys_ratio"}


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=NAMES)
def test_row_has_what_its_kind_needs(row: Row) -> None:
    """Fitted: what was; not: why; and all but those a figure and a formula."""
    assert bool(row.fits) == (row.kind == "fitted")
    assert bool(row.reason) == (row.kind == "not")
    assert (row.formula is None) == (row.kind == "not")
    assert bool(row.published) == (row.kind != "not")


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=NAMES)
def test_row_names_the_runs_that_its_formula_needs(row: Row) -> None:
    """Two where they are compared, none where nothing is predicted."""
    wanted = 0 if row.formula is None else 2 if row.formula in OF_TWO else 1

    assert len(row.runs) == wanted
    assert set(row.runs) <= set(PUBLISHED.scenarios)
    assert (row.given is not None) == (row.formula == "sys_ratio")


def test_no_figure_comes_twice() -> None:
    """A source and what is compared tell rows apart."""
    counted = Counter((source, row.what) for source, row in ROWS)

    assert max(counted.values()) == 1


def test_every_scenario_is_for_a_row() -> None:
    """None is run for nothing."""
    assert {name for _, row in ROWS for name in row.runs} == set(PUBLISHED.scenarios)


@pytest.mark.parametrize("name", PUBLISHED.scenarios)
def test_scenario_can_be_chosen(name: str) -> None:
    """Its topology, its changes and its sizes fit together, under the virtual clock."""
    scenario = PUBLISHED.scenarios[name]

    plan = scenario.plan(seed=7)

    assert (plan.clock, plan.seed, plan.rounds) == ("virtual", 7, 1)
    assert plan.topology.zswap.nr_sub_batches == 1
    assert 2 * plan.limit_pages == plan.workers * plan.memory_pages
    # A reclaim takes an eighth of a worker's limit at most, or a cluster.
    batch = plan.reclaim_batch * plan.folio_pages
    most = max(SWAP_CLUSTER_MAX, plan.limit_pages // plan.workers // MAX_BATCH_SHARE)
    assert batch <= most or plan.reclaim_batch == 1


def test_two_figures_are_compared_as_a_ratio() -> None:
    """As published, not divided by hand."""
    row = next(row for _, row in ROWS if row.over)

    assert row.value == pytest.approx(6_363_045 / 5_770_824)


def test_only_some_rows_need_only_their_runs() -> None:
    """By a word of the source, whatever its case."""
    some = PUBLISHED.only("3B6DA5CCE")

    assert len(some.groups) == 1
    assert set(some.scenarios) == {"page_sync", "page_irq", "page_software"}


def test_rows_that_there_are_not_are_refused() -> None:
    """In one line, however long the word."""
    with pytest.raises(InputError, match=r"^only: 'x{40}': no source and no row"):
        PUBLISHED.only("x" * 1_000)


def test_wrong_file_is_told_by_its_path(tmp_path: Path) -> None:
    """As a topology's is."""
    file = tmp_path / "published.yaml"
    file.write_text("scenarios: {}\ngroups: [{source: a, rows: [{what: b}]}]\n")

    with pytest.raises(TopologyError, match=r"groups\[0\]\.rows\[0\]"):
        Published.load(file)
