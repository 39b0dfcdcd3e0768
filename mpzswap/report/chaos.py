"""What was done to runs on purpose, and what became of every page."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from mpzswap.report import numbers
from mpzswap.report.clocks import clock_words
from mpzswap.report.episodes import ChaosReport, EpisodeReport
from mpzswap.report.render import facts, render, table, verdict
from mpzswap.report.stress import found_by

# Episodes that went well are a row each, up to so many; of more the last ones.
MAX_ROWS = 20


def text(report: ChaosReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def problems_of(report: ChaosReport, options: str = "") -> list[str]:
    """Give what went wrong, a line an episode, with how to do that one again."""
    return [
        f"episode {episode.number}: {'; '.join(episode.problems)}; again: mpzswap "
        f"chaos --seed {report.seed} --episode {episode.number} {options}".rstrip()
        for episode in report.episodes
        if not episode.ok
    ]


def _parts(report: ChaosReport) -> Iterator[RenderableType]:
    yield _episodes(report)
    yield ""
    yield facts(_happened(report))
    yield ""
    yield _ledger(report)
    yield ""
    yield facts(
        [
            ("verify", found_by(report.verify)),
            ("clock", (clock_words(report.clock),)),
        ]
    )
    yield verdict(problems_of(report))


def _happened(report: ChaosReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield (
        "harm",
        (
            f"{numbers.plural(report.kills, 'kill')}",
            f"{numbers.plural(report.stops, 'stop')}",
            f"devices started anew {numbers.plural(report.restarts, 'time')}",
        ),
    )
    if report.injected:
        found = report.injected.items()
        yield "injected", tuple(f"{kind} {numbers.count(n)}" for kind, n in found)
    episodes = numbers.plural(len(report.episodes), "episode")
    yield "time", (numbers.seconds(report.elapsed_s), episodes)


def _episodes(report: ChaosReport) -> Table:
    """Give a row an episode: those that failed, and the last ones."""
    last = {episode.number for episode in report.episodes[-MAX_ROWS:]}
    made = table("episode", "kills", "stops", "anew", "faults", "pages", "s", "")
    for episode in report.episodes:
        if episode.number in last or not episode.ok:
            made.add_row(*_episode(episode))
    return made


def _episode(episode: EpisodeReport) -> Iterator[str]:
    yield str(episode.number)
    yield numbers.count(episode.kills)
    yield numbers.count(episode.stops)
    yield numbers.count(episode.restarts)
    yield numbers.count(sum(episode.injected.values()))
    yield numbers.count(episode.verify.pages_checked)
    yield numbers.digits(episode.elapsed_s)
    yield "ok" if episode.ok else "FAILED"


def _ledger(report: ChaosReport) -> Table:
    ledger = report.ledger
    made = table("ledger", "pages", "")
    for title, pages in (
        ("loaded", ledger.loaded),
        ("stored", ledger.stored),
        ("written back", ledger.written_back),
        ("rejected", ledger.rejected),
        ("invalidated", ledger.invalidated),
        ("in no column", ledger.missing),
        ("handed over", ledger.out),
    ):
        made.add_row(
            title, numbers.count(pages), numbers.percent(pages, max(1, ledger.out))
        )
    return made
