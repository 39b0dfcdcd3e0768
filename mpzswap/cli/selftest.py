"""The command that holds every compressor against known answers."""

import argparse

from mpzswap.cli.options import (
    Outcome,
    hand_over,
    json_output,
    settle_seed,
    shown_progress,
)
from mpzswap.cli.parser import listed
from mpzswap.codec.table import CODECS
from mpzswap.report import selftest as report_of
from mpzswap.workload import selftest
from mpzswap.workload.selftest import SelftestPlan

NAME = "selftest"
SUMMARY = "known answers of every compressor, through every sync and batching mode"
EXAMPLES = (
    "selftest",
    "selftest --compressor zstd:19,lz4",
    "selftest --json selftest.json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which compressors."""
    parser.add_argument(
        "--compressor",
        metavar="LIST",
        type=listed(str),
        default=tuple(CODECS),
        help="as for stress (default: all of them)",
    )


def run(args: argparse.Namespace) -> int:
    """
    Ask for every vector and show the table; 0.

    Raises:
        MpzswapError: it could not be done, or an answer was wrong.
    """
    settle_seed(args)
    plan = SelftestPlan(compressors=args.compressor, seed=args.seed)
    with json_output(args.json) as write:
        with shown_progress(args) as on_progress:
            report = selftest.run(plan, on_progress)
        outcome = Outcome(report, report_of.text, report_of.problems_of(report))
        hand_over(args, write, outcome)
    return 0
