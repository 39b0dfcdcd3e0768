"""The table of a sweep."""

from mpzswap.report import sweep
from tests.tools.sweeps import done_line, failed_line, sweep_report

LINES = (
    done_line(topology="host", batch_size=1, set={"driver.sync_mode": "sync"}, seed=7),
    failed_line(
        "memory: too much",
        topology="host",
        batch_size=8,
        set={"driver.sync_mode": "async"},
        seed=7,
    ),
)


def test_table_has_what_varies() -> None:
    """What is the same in all runs stands above it, once."""
    lines = sweep.text(sweep_report(*LINES)).splitlines()

    assert lines[:2] == ["sweep  2 runs", "all    topology host   seed 7"]
    assert lines[3].split() == ["batch", "sync_mode", "MiB/s", "p50", "ratio"]
    assert lines[4].split() == ["1", "sync", "22.3", "91.4", "2.06", "ok"]
    assert lines[5].split() == ["8", "async", "-", "-", "-", "FAILED"]


def test_failed_run_is_named_by_what_varies() -> None:
    """After it comes why."""
    assert sweep.problems_of(sweep_report(*LINES)) == [
        "batch_size 8 driver.sync_mode async: memory: too much"
    ]
    assert sweep.text(sweep_report(*LINES)).splitlines()[-2:] == [
        "FAILED",
        "batch_size 8 driver.sync_mode async: memory: too much",
    ]


def test_sweep_of_one_run_has_no_words_that_vary() -> None:
    """Its problem stands alone."""
    assert sweep.problems_of(sweep_report(LINES[1])) == ["memory: too much"]
    assert sweep.text(sweep_report(LINES[0])).endswith("\nok\n")


def test_values_are_as_people_write_them() -> None:
    """Sizes with units, on and off, lists with commas."""
    row = sweep.row_of(
        done_line(memory=1 << 20, verify=False, swap=[1 << 26, 1 << 26], inject=["a"])
    )

    assert row == {"memory": "1M", "verify": "off", "swap": "64M,64M", "inject": "a"}


def test_table_fits_a_terminal_whatever_varies() -> None:
    """Of many columns each is narrow."""
    words = ("topology", "pages", "workers", "memory", "limit", "folio", "rounds")
    more = ("batching", "batch_size", "reclaim_batch", "compressor", "seed")
    lines = [
        done_line(**{word: f"{word}-{number}" for word in (*words, *more)})
        for number in (1, 2)
    ]

    text = sweep.text(sweep_report(*lines))
    assert max(map(len, text.splitlines())) <= 79
