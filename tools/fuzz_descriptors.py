"""
Send hostile descriptors to real devices, and look at every byte afterwards.

Each device runs in its process; beside it a submitter writes mutated descriptors into
its lane, and now and then an index that cannot be.  After each batch the device must
be alive, each descriptor answered once with the status that the rules give, and every
byte of shared memory what they say; a second submitter must not have noticed.

Exit status: 0 all as it must be; 1 it is not, with what to replay; 2 wrong usage.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

# The fuzz's own parts; mpzswap is the one that is installed.
sys.path.append(str(Path(__file__).parents[1]))

from mpzswap.cli.parser import Parser, listed, whole
from mpzswap.codec.table import CODECS, make_codec
from mpzswap.completion.status import Status
from mpzswap.errors import InputError, MpzswapError
from tools.fuzz.campaign import BATCH, Campaign, Tally, ViolationError
from tools.fuzz.ground import ground
from tools.fuzz.memory import parties
from tools.fuzz.oracle import UNREPORTED

PROG = "fuzz_descriptors.py"
EXIT_DONE, EXIT_VIOLATED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
MAX_COUNT = 1 << 40
SEEDS = 1 << 32
EXAMPLES = """\
examples:
  python tools/fuzz_descriptors.py
  python tools/fuzz_descriptors.py --count 1000000 --seed 7
  python tools/fuzz_descriptors.py --seed 7 --compressor zstd --first-batch 42
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign for each compressor; say what came of it."""
    options = make_parser().parse_args(arguments)
    seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    try:
        for compressor in options.compressor:
            make_codec(compressor)
        for compressor, count in shares(options.compressor, options.count):
            run(compressor, seed, options.first_batch, count)
    except InputError as error:
        return complain(str(error), EXIT_USAGE)
    except (MpzswapError, ViolationError) as error:
        return complain(f"seed {seed}, {error}", EXIT_VIOLATED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    print("ok")
    return EXIT_DONE


def make_parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    parser = Parser(
        prog=PROG,
        description="Send hostile descriptors to real devices; look at every byte.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--count",
        metavar="N",
        type=whole(1, MAX_COUNT),
        default=100_000,
        help="descriptors, of all compressors together, in whole batches of "
        f"{BATCH} (default: %(default)s)",
    )
    add(
        "--seed",
        metavar="N",
        type=whole(0, SEEDS),
        help="every descriptor follows from it (default: drawn, and printed)",
    )
    add(
        "--compressor",
        metavar="LIST",
        type=listed(str),
        default=tuple(CODECS),
        help="one device after the other has each of these (default: all)",
    )
    add(
        "--first-batch",
        metavar="N",
        type=whole(0, MAX_COUNT),
        default=0,
        help="begin there, to see what was seen in it (default: %(default)s)",
    )
    return parser


def shares(compressors: Sequence[str], count: int) -> Iterator[tuple[str, int]]:
    """Give each compressor its share of *count*, the first ones what is left over."""
    each, more = divmod(count, len(compressors))
    for index, compressor in enumerate(compressors):
        if share := each + (index < more):
            yield compressor, share


def run(compressor: str, seed: int, first: int, count: int) -> None:
    """
    Send *count* descriptors to a device with *compressor*.

    Raises:
        ViolationError: it did what it must not; says in which batch.
    """
    began_s = time.monotonic()
    with ground(parties(compressor), compressor) as stood:
        campaign = Campaign(stood, compressor, seed)
        batch = first
        while campaign.tally.hostile < count:
            show(f"{compressor}  {campaign.tally.hostile} of {count}")
            try:
                campaign.run_batch(batch)
            except (MpzswapError, ViolationError) as error:
                raise ViolationError(
                    f"batch {batch}: {error}; replay with --seed {seed} "
                    f"--compressor {compressor} --first-batch {batch} --count 1"
                ) from error
            batch += 1
        show("")
    print(text(compressor, campaign.tally, time.monotonic() - began_s), flush=True)


def show(line: str) -> None:
    """Show how far it is, where somebody sees it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def text(compressor: str, tally: Tally, elapsed_s: float) -> str:
    """Put a tally into lines."""
    lines = [f"{compressor}  {tally.hostile:,} descriptors   {elapsed_s:.1f} s"]
    for status, count in sorted(tally.statuses.items()):
        name = "unreported" if status == UNREPORTED else Status(status).name
        lines.append(f"  {name:<20} {count:>9,}")
    lines += [
        f"  {'status not foretold':<20} {tally.unforeseen:>9,}",
        f"  {'by the second':<20} {tally.neighbours:>9,}",
        f"  {'into the lane itself':<20} {tally.alone:>9,}   {tally.left_out} left out",
        f"  {'lanes given up':<20} {tally.broken_lanes:>9,}",
        f"  {'interrupts':<20} {tally.interrupts:>9,}",
    ]
    return "\n".join(lines)


def complain(message: str, status: int) -> int:
    """Print one line and give *status*."""
    print(f"{PROG}: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
