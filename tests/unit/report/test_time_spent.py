"""Where the time went, as text."""

import msgspec

from mpzswap.report.render import render
from mpzswap.report.time_spent import (
    EnginesReport,
    LatenessReport,
    SharesReport,
    StagesReport,
    TimeReport,
    WaitingReport,
    parts,
)

STAGES = StagesReport(
    pages=10,
    prepare=1000.0,
    submit=300.0,
    queue=2500.0,
    execute=14_000.0,
    complete=100.0,
    seen=0.0,
    store=300.0,
    total=18_200.0,
)
NO_STAGES = StagesReport(0, 0, 0, 0, 0, 0, 0, 0, 0)
REPORT = TimeReport(
    profile="plain",
    time_scale=0.0,
    store=STAGES,
    load=NO_STAGES,
    workers=SharesReport(cpu=0.598, software=0.0, submit=0.022, poll=0.38),
    engines=(
        EnginesReport("iax0", "compress", (0.25, 0.35)),
        EnginesReport("iax1", "compress", (0.0, 0.0)),
        EnginesReport("iax0", "decompress", (0.0, 0.0)),
    ),
    queues=(WaitingReport("wq0.0", 1.9, 0.0297), WaitingReport("wq0.1", 0.0, 0.0)),
    bottleneck="CPU",
    because="workers spend 59.8 % of their time on what only a CPU does",
)


def text(**changes: object) -> str:
    """Give it as a terminal of 79 columns would show it, spaces as one."""
    report = msgspec.structs.replace(REPORT, **changes)
    shown = render(parts(report), terminal=False)
    assert all(len(line) < 80 for line in shown.splitlines())
    return " ".join(shown.split())


def test_stages_of_a_page_are_a_row() -> None:
    """In us; a direction without pages has none."""
    shown = text()

    assert "prepare submit queue execute complete seen store total" in shown
    assert "store 1 0.30 2.50 14 0.10 0 0.30 18.2" in shown
    assert "load" not in shown


def test_stages_of_no_pages_are_no_table() -> None:
    """The rest is shown."""
    shown = text(store=NO_STAGES)

    assert shown.startswith("workers cpu 59.8 %")


def test_shares_and_bottleneck_are_told() -> None:
    """In the order of the record."""
    shown = text()

    assert "workers cpu 59.8 % software 0.0 % submit 2.2 % poll 38.0 %" in shown
    assert "bottleneck CPU: workers spend 59.8 % of their time" in shown


def test_what_is_idle_is_not_shown() -> None:
    """Engines and queues: JSON has them all."""
    shown = text()

    assert "compress engines iax0 30.0 % queued" in shown
    assert "queued, mean wq0.0 1.90 (3.0 %) bottleneck" in shown


def test_host_in_time_is_not_mentioned() -> None:
    """There is nothing to say of it."""
    assert "late" not in text()


def test_host_that_was_too_slow_is_told() -> None:
    """How many of its completions, and by how much."""
    late = LatenessReport(
        answers=200,
        late=50,
        mean_ns=12_000.0,
        max_ns=90_000,
        steps=1000,
        steps_late=10,
        steps_mean_ns=2500.0,
    )
    shown = text(lateness=late)

    assert "host too slow 25.0 % of completions late by 12 us in the mean" in shown
    assert "90 us at most" in shown
    assert "workers late 1.0 % of steps by 2.50 us in the mean" in shown
