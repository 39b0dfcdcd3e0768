"""
Contestants that run in turn, and how each compares with the first of them.

    round 1    baseline   second   third   ...   baseline again
    round 2    baseline   second   third   ...   baseline again
    ...                      |
               ratio: second over the mean of      noise: baseline again
               both runs of the baseline           over baseline

Noise is what a ratio of nothing at all comes to there.  A file of a question has
contestants and options; all else is here.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mpzswap.cli.parser import Parser, size, whole
from mpzswap.errors import InputError, MpzswapError
from mpzswap.page.source import DEFAULT_SOURCE
from tools.bench.circumstances import circumstances
from tools.bench.spread import MIN_ROUNDS, Measure, Round

FORMAT = 2
SEED = 1
# A run of a second or so: long beside its start, short beside what others do.
MEMORY = "16M"
ROUNDS = 10
# Ours: an hour and more.
MAX_ROUNDS = 1000
MAX_SEED = (1 << 32) - 1


@dataclass(frozen=True)
class Contestant:
    """Who takes part; one run gives a figure for each measure."""

    name: str
    run: Callable[[], Mapping[str, float]]


class Standing(msgspec.Struct, frozen=True):
    """What came of a contestant."""

    name: str
    measures: tuple[Measure, ...]

    def __getitem__(self, name: str) -> Measure:
        """Give a measure."""
        return next(each for each in self.measures if each.name == name)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a contest: the baseline first, and once more at the end."""

    title: str
    standings: tuple[Standing, ...]
    # Lines for people, of what it means.
    conclusions: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Standing:
        """Give a contestant."""
        return next(each for each in self.standings if each.name == name)


# Titles and contestants.
Contests = Generator[tuple[str, Iterable[Contestant]], None, None]
Runs = Sequence[Sequence[Mapping[str, float]]]


def contest(
    contestants: Iterable[Contestant], rounds: int, *, warm_up: int = 1, title: str = ""
) -> Outcome:
    """Let all run in turn, after rounds that warm up and are not counted."""
    order = [*contestants]
    for _ in range(warm_up):
        for each in order:
            each.run()
    order.append(Contestant(f"{order[0].name} again", order[0].run))
    runs = [[each.run() for each in order] for _ in range(rounds)]
    standings = (
        Standing(each.name, tuple(judge(runs, place)))
        for place, each in enumerate(order)
    )
    return Outcome(title, tuple(standings))


def judge(runs: Runs, place: int) -> Iterator[Measure]:
    """Give the measures of the contestant at *place* of each round."""
    last = len(runs[0]) - 1
    for name in runs[0][place]:
        samples = [run[place][name] for run in runs]
        before, again = ([run[at].get(name, 0.0) for run in runs] for at in (0, last))
        if place == 0:
            yield Measure.of_baseline(name, samples)
            continue
        # The baseline again is compared with its first run alone.
        behind = before if place == last else again
        rounds = [*map(Round, before, samples, behind)]
        yield Measure.of(name, rounds, same=place == last)


def hold(
    doc: str, contestants: Iterable[Contestant], options: argparse.Namespace
) -> int:
    """Hold a contest, say what it means, and give the exit status."""
    return hold_each(doc, (each for each in [("", contestants)]), options)


def hold_each(
    doc: str,
    contests: Contests,
    options: argparse.Namespace,
    conclude: Callable[[Outcome], Iterable[str]] = lambda _: (),
) -> int:
    """
    Hold contests one after the other.

    Args:
        doc: its first line is the question.
        contests: with a title each.  It ends what it made for them when the next is
            asked for, and when it is closed: however this comes to its end.
        options: as of ``make_parser``; written as JSON too.
        conclude: lines to print below the tables of each.
    """
    question = headline(doc)
    print(question)
    outcomes = []
    try:
        with closing(contests):
            for title, contestants in contests:
                outcome = contest(contestants, options.rounds, title=title)
                conclusions = tuple(conclude(outcome))
                outcomes.append(
                    msgspec.structs.replace(outcome, conclusions=conclusions)
                )
                print(*table(outcome), "", *conclusions, sep="\n", flush=True)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except MpzswapError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    if options.json is not None:
        write_json(options.json, question, outcomes, options=vars(options))
    return 0


def headline(doc: str) -> str:
    """Give the question that a file answers."""
    return doc.strip().partition("\n")[0]


def write_json(
    path: Path, question: str, outcomes: Sequence[Outcome], **more: object
) -> None:
    """Write every sample, and the circumstances."""
    document = {
        "format": FORMAT,
        "question": question,
        "circumstances": circumstances(),
        "outcomes": outcomes,
        **more,
    }
    encoded = msgspec.json.encode(document, enc_hook=str)
    path.write_bytes(msgspec.json.format(encoded))


def table(outcome: Outcome) -> Iterator[str]:
    """Give lines for people, measure by measure, and below them all doubts."""
    width = max(len(each.name) for each in outcome.standings)
    found: dict[str, list[tuple[str, Measure]]] = {}
    for standing in outcome.standings:
        for each in standing.measures:
            found.setdefault(each.name, []).append((standing.name, each))
    for name, rows in found.items():
        yield ""
        yield ": ".join(filter(None, (outcome.title, name)))
        yield f"  {'':{width}}  {'median':>9}  {'quartiles':22}  ratio to the first"
        yield from (f"  {whose:{width}}  {row(each)}" for whose, each in rows)
    doubted = [
        f"  {whose}, {name}: {'; '.join(each.doubts)}"
        for name, rows in found.items()
        for whose, each in rows
        if each.doubts
    ]
    if doubted:
        yield ""
        yield "not to be believed (more --rounds or --memory; let nothing else run):"
        yield from doubted


def row(measure: Measure) -> str:
    """Give the numbers of a measure."""
    spread, ratio = measure.spread, measure.ratio
    quartiles = f"{spread.low:.4g} to {spread.high:.4g}"
    text = f"{spread.median:9.4g}  {quartiles:22}"
    if ratio is None:
        return text.rstrip()
    within = f"{ratio.spread.low:.3f} to {ratio.spread.high:.3f}"
    return f"{text}  {ratio.spread.median:.3f} +- {ratio.error:.3f}  {within}"


def make_parser(doc: str, examples: str) -> Parser:
    """Give a parser with the options that every question has."""
    parser = Parser(description=headline(doc), epilog=examples)
    add = parser.add_argument
    add(
        "--rounds",
        metavar="N",
        type=whole(1, MAX_ROUNDS),
        default=ROUNDS,
        help=f"a result needs {MIN_ROUNDS} to be believed (default: %(default)s)",
    )
    add("--json", metavar="FILE", type=Path, help="write JSON there")
    add(
        "--pages",
        metavar="SOURCE",
        default=DEFAULT_SOURCE,
        help="mix:NAME, pid:N, a file or a folder (default: %(default)s)",
    )
    add(
        "--memory",
        metavar="SIZE",
        type=size_text,
        default=MEMORY,
        help="how much of pages (default: %(default)s)",
    )
    add(
        "--seed",
        metavar="N",
        type=whole(0, MAX_SEED),
        default=SEED,
        help="what pages follow from (default: %(default)s)",
    )
    return parser


def size_text(text: str) -> str:
    """Check a size, and leave it as it was written."""
    size(text)
    return text
