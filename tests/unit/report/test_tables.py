"""The reports as text: how wide they are, and how they look without a terminal."""

from collections.abc import Callable

import msgspec
import pytest

from mpzswap.report import bench, comparison, stress
from mpzswap.report.records import (
    ReadaheadReport,
    ReclaimReport,
    StressReport,
    VerifyReport,
)
from mpzswap.report.render import facts, render
from mpzswap.topology.settings import Batching
from tests.tools.reports import (
    NO_LATENCY,
    bench_report,
    comparison_report,
    stress_report,
)

TEXTS: dict[str, Callable[[bool], str]] = {
    "stress": lambda terminal: stress.text(stress_report(), terminal=terminal),
    "comparison": lambda terminal: comparison.text(
        comparison_report(), terminal=terminal
    ),
    "bench": lambda terminal: bench.text(
        bench_report("deflate-iaa-dynamic", software=5, sync_mode="async_irq"),
        terminal=terminal,
    ),
}


def huge() -> StressReport:
    """Give a report in which every count is as large as it may ever be."""
    report = stress_report(pages="/a/folder/" + "x" * 120)
    most = {
        name: 10**12
        for name, value in msgspec.structs.asdict(report.zswap).items()
        if isinstance(value, int)
    }
    return msgspec.structs.replace(
        report, zswap=msgspec.structs.replace(report.zswap, **most)
    )


@pytest.mark.parametrize("name", TEXTS)
def test_no_line_is_too_wide_for_a_terminal(name: str) -> None:
    """Each report fits in 79 columns, without blanks at the end."""
    lines = TEXTS[name](False).splitlines()  # noqa: FBT003 - not a terminal

    assert max(map(len, lines)) <= 79
    assert all(line == line.rstrip() for line in lines)


def test_long_names_and_large_counts_are_folded() -> None:
    """Nothing is cut off: a digit that is missing is worse than a second line."""
    text = stress.text(huge())

    assert max(map(len, text.splitlines())) <= 79
    assert "".join(text.split()).count("x" * 120) == 1


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_plain_without_a_terminal(name: str) -> None:
    """A file or a pipe gets no escape codes, and nothing but ASCII."""
    text = TEXTS[name](False)  # noqa: FBT003 - not a terminal

    assert "\x1b" not in text
    assert text.isascii()


def test_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is green or red where colours are seen."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    assert "\x1b[1;32mok" in stress.text(stress_report(), terminal=True)
    assert "\x1b[1;31mFAILED" in stress.text(
        stress_report(problems=("it broke",)), terminal=True
    )


@pytest.mark.parametrize("name", TEXTS)
def test_clock_is_said(name: str) -> None:
    """No number without the clock that it comes from."""
    text = TEXTS[name](False)  # noqa: FBT003 - not a terminal

    assert "work: wall time of this host" in text
    assert "not IAA's" in text


def test_problems_are_the_last_lines() -> None:
    """Whoever looks at the end of the text sees what is wrong."""
    text = stress.text(stress_report(problems=("page 1 is lost", "page 2 is wrong")))

    assert text.endswith("FAILED\npage 1 is lost\npage 2 is wrong\n")


def test_run_that_is_not_ok_always_has_a_problem() -> None:
    """A report without words for what is wrong gets them from its counts."""
    report = msgspec.structs.replace(stress_report(), ok=False)

    assert stress.problems_of(report) == ("pages: 0 wrong, 0 lost",)


def test_problem_of_a_comparison_names_its_run() -> None:
    """Three runs have one list of problems."""
    report = comparison_report(("page 1 is lost",))

    assert comparison.problems(report) == ["batching driver: page 1 is lost"]


def test_latency_of_nothing_is_no_number() -> None:
    """A run without a load has no latency of 0 us."""
    line = next(
        line
        for line in stress.text(stress_report()).splitlines()
        if line.startswith("sub-batch")
    )

    assert NO_LATENCY.count == 0
    assert line.split() == ["sub-batch", "0", *["-"] * 6]


def test_markup_in_a_name_is_text() -> None:
    """A file may be named as rich's markup."""
    report = stress_report(pages="[bold]x[/bold] :smile:")

    assert "[bold]x[/bold] :smile:" in stress.text(report)


def test_software_pages_of_a_bench_are_said() -> None:
    """A fallback is never shown as a success of the device."""
    assert "software did 10 pages" in bench.text(bench_report(software=5))
    assert "software" not in bench.text(bench_report())


def line_of(report: StressReport, title: str) -> str:
    """Give the line of a report that begins with *title*, blanks evened out."""
    found = [
        " ".join(line.split())
        for line in stress.text(report).splitlines()
        if line.startswith(title)
    ]
    return found[0] if found else ""


def busy() -> StressReport:
    """Give the report of a run that did what most do not."""
    report = stress_report()
    replace = msgspec.structs.replace
    devices = tuple(
        replace(
            device,
            interrupts=12_345,
            wqs=(replace(device.wqs[0], verify_calls=14_100),),
        )
        for device in report.devices
    )
    return replace(
        report,
        devices=devices,
        reclaim=ReclaimReport(batches=65, folios=2_047, full=63, list_end=2),
        readahead=ReadaheadReport(swap_ra=800, swap_ra_hit=600),
    )


def test_verifications_and_interrupts_have_columns_where_there_are_any() -> None:
    """Most runs have none, and a table has 79 columns."""
    assert " verify irq " in line_of(busy(), "device ")
    assert " 14,100 12,345 " in line_of(busy(), "iax0")
    assert "verify" not in line_of(stress_report(), "device ")
    assert max(map(len, stress.text(busy()).splitlines())) <= 79


def test_batches_of_reclaim_say_how_they_ended() -> None:
    """Small batches have a reason; those that ended none are left out."""
    assert line_of(busy(), "batches") == (
        "batches 65 of 2,047 folios full 63 end of list 2"
    )
    assert not line_of(stress_report(), "batches")


def test_readahead_says_how_often_it_was_right() -> None:
    """A run that reads nothing ahead says nothing of it."""
    assert line_of(busy(), "read ahead") == "read ahead 800 pages hit 600 75.0 %"
    assert not line_of(stress_report(), "read ahead")


@pytest.mark.parametrize(
    ("batching", "shown"),
    [
        ("off", "context 1 request of 1 page 4,160 bytes a CPU"),
        ("requests", "context 16 requests of 1 page 66,560 bytes a CPU"),
        ("driver", "context 2 requests of 8 pages 66,560 bytes a CPU"),
    ],
)
def test_what_batching_takes_is_shown(batching: Batching, shown: str) -> None:
    """Memory of every CPU is the price of it."""
    assert line_of(stress_report(batching), "context") == shown


def test_driver_is_shown_where_it_is_not_as_by_default() -> None:
    """By the names that a topology file has."""
    report = msgspec.structs.replace(
        stress_report(), sync_mode="async_irq", verify_compress=True
    )

    assert line_of(report, "driver") == (
        "driver sync_mode async_irq verify_compress true"
    )
    assert not line_of(stress_report(), "driver")


def test_comparison_names_the_counters_that_differ() -> None:
    """However many; without them it says that there are none."""
    names = tuple(f"zswap.counter_of_zswap_{number}" for number in range(12))
    text = comparison.text(comparison_report(differing=names))

    assert "counters  differ: zswap.counter_of_zswap_0, zswap" in text
    assert all(name in text for name in names)
    assert max(map(len, text.splitlines())) <= 79
    assert "counters  the same in all runs, but for " in comparison.text(
        comparison_report()
    )


def test_row_of_a_bench_names_its_sync_mode() -> None:
    """The longest in short: the widest row is one line."""
    text = bench.text(bench_report("deflate-iaa-dynamic", sync_mode="async_irq"))

    assert "\ncomp   deflate-iaa-dynamic irq " in text


def test_run_without_checks_says_so() -> None:
    """No page checked, none wrong: that would read as if all were right."""
    unasked = VerifyReport(0, 0, 0, asked=False)
    report = msgspec.structs.replace(stress_report(), verify=unasked)
    both = comparison_report()
    runs = tuple(msgspec.structs.replace(run, verify=unasked) for run in both.runs)

    assert line_of(report, "verify") == "verify not asked for"
    text = comparison.text(msgspec.structs.replace(both, runs=runs))
    assert "not asked for" in text
    assert "not asked for" not in comparison.text(both)


def test_what_belongs_together_stays_on_a_line() -> None:
    """A figure is not parted from its name; a sentence is, where it has to be."""
    rows = [("busy", [f"iax{number} 12.3 %" for number in range(9)])]
    text = render([facts(rows)], terminal=False)

    assert all(line.rstrip().endswith("%") for line in text.splitlines())
    assert text.count("iax") == text.count(" 12.3 %") == 9
