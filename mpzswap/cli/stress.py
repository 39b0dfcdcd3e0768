"""The command that stresses the whole machine and checks every byte."""

import argparse
from collections.abc import Callable

from mpzswap.cli.options import (
    Outcome,
    add_pages,
    add_topology,
    hand_over,
    json_output,
    settle_seed,
    shown_progress,
)
from mpzswap.cli.run_options import (
    RUN_OPTIONS,
    SWAP,
    add_flags,
    add_inject,
    add_one,
)
from mpzswap.cli.stats import (
    add_stats,
    check_stats,
    replaces_table,
    stats_output,
    with_stats,
)
from mpzswap.report import comparison
from mpzswap.report import stress as report_of
from mpzswap.topology.load import find_topology
from mpzswap.workload import stress
from mpzswap.workload.plan import Wishes, choose

NAME = "stress"
SUMMARY = "write pages over the memory limit, read them back, check every byte"
EXAMPLES = (
    "stress",
    "stress --compressor zstd:1 --pages mix:text --memory 16M",
    "stress --compare --batch-size 8 --workers 2 --memory 16M",
    "stress --topology spr-1s4iaa --workers 4 --memory 16M --json run.json",
    "stress --stats kernel:counters --seed 7",
    "stress --set memory=64M --set zswap.max_pool_percent=5 --swap 64M",
    "stress --no-verify --rounds 1 --compressor lz4 --memory 16M",
    "stress --duration 10 --batching requests --seed 7 --progress",
    "stress --inject lost:p=0.1% --inject crash:after=500,device=iax0",
    "stress --clock virtual --topology spr-2s8iaa --workers 30",
    "stress --clock model --topology laptop-2iaa --time-scale 2000",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be turned; what is left out is chosen by ``plan.choose``."""
    add_topology(parser)
    add_inject(parser)
    add_pages(parser)
    for option in (*RUN_OPTIONS, SWAP):
        add_one(parser, option)
    add_flags(parser)
    parser.add_argument(
        "--compare",
        action="store_true",
        help="the same run with batching off and on, side by side, with ratios",
    )
    add_stats(parser)


def text_for(args: argparse.Namespace) -> Callable[..., str]:
    """Give what makes the text of a run; it is empty where --stats has its place."""
    return (lambda *_, **__: "") if replaces_table(args.stats) else report_of.text


def run(args: argparse.Namespace) -> int:
    """
    Do the run and show what happened; 0.

    Raises:
        MpzswapError: it could not be done, or a page was lost or wrong.
    """
    settle_seed(args)
    check_stats(args)
    names = set(Wishes.__struct_fields__) - {"topology", "changes", "faults"}
    wishes = Wishes(
        topology=find_topology(args.topology, args.changes),
        changes=tuple(args.changes),
        faults=tuple(args.faults),
        **{name: getattr(args, name) for name in names},
    )
    plan = choose(wishes)
    with json_output(args.json) as write, stats_output(args.stats) as write_stats:
        with shown_progress(args, plan.duration_s) as on_progress:
            if args.compare:
                both = stress.compare(plan, on_progress)
                outcome = Outcome(both, comparison.text, comparison.problems(both))
            else:
                one = stress.run(plan, on_progress)
                outcome = Outcome(one, text_for(args), report_of.problems_of(one))
        hand_over(args, with_stats(write, write_stats), outcome)
    return 0
