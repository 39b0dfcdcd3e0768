"""
A timing profile as text: what a page takes, where, and what the rest takes.

    timing plain   figures for 1 compress, 2 decompress engines a device
        ns, a 4K page          compress                  decompress
                       call desc engine software  call desc engine software
        lz4             900  300  3,000    3,000   900  300  1,000    1,000
        zswap      store 300   load 300   interrupt 4,000
        swap-out   4K 20,000   64K 16,000
"""

from collections.abc import Iterator

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.numbers import count
from mpzswap.topology.timing import Direction, Figure, Timing

# The two directions, and what each says of a page.
DIRECTIONS = ("compress", "decompress")
COLUMNS = ("call", "desc", "engine", "software")
CORNER = "ns, a 4K page"
# Between figures, and between the directions.
GAP, WIDE_GAP = " ", "  "


def figures(timing: Timing | None) -> Iterator[str]:
    """Give a profile's figures, a line each; their sources are in its JSON."""
    if timing is None:
        yield "timing none"
        return
    comp, decomp = timing.compress_engines.count, timing.decompress_engines.count
    yield (
        f"timing {timing.name}   figures for {comp} compress, {decomp} decompress "
        "engines a device"
    )
    yield from (f"    {line}" for line in _table(timing))
    for name, codec in timing.devices.items():
        if codec.compress.latency or codec.decompress.latency:
            yield (
                f"    latency    {name}: compress {count(codec.compress.latency_ns)}   "
                f"decompress {count(codec.decompress.latency_ns)}"
            )
    cpu = timing.cpu
    yield (
        f"    zswap      store {_ns(cpu.store_call)}   load {_ns(cpu.load_call)}   "
        f"interrupt {_ns(cpu.interrupt)}"
    )
    out = "   ".join(f"{size} {_ns(each)}" for size, each in cpu.swap_out.items())
    yield f"    swap-out   {out}"


def _table(timing: Timing) -> Iterator[str]:
    """Give a line for each compressor, below two that say what is what."""
    names = [*dict.fromkeys([*timing.devices, *timing.software])]
    rows = {"": list(COLUMNS) * 2} | {name: _row(timing, name) for name in names}
    wide = max(map(len, [CORNER, *names]))
    widths = [max(map(len, column)) for column in zip(*rows.values(), strict=True)]
    half = sum(widths[: len(COLUMNS)]) + len(GAP) * (len(COLUMNS) - 1)
    yield (
        f"{CORNER:{wide}}{WIDE_GAP}{DIRECTIONS[0]:^{half}}{WIDE_GAP}"
        f"{DIRECTIONS[1]:^{half}}"
    ).rstrip()
    for name, row in rows.items():
        cells = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)]
        comp, decomp = cells[: len(COLUMNS)], cells[len(COLUMNS) :]
        yield f"{name:{wide}}{WIDE_GAP}{GAP.join(comp)}{WIDE_GAP}{GAP.join(decomp)}"


def _row(timing: Timing, name: str) -> list[str]:
    """Give what a page takes with the compressor *name*, in both directions."""
    device, software = timing.devices.get(name), timing.software.get(name)
    row: list[str] = []
    for way in DIRECTIONS:
        row += _by_device(getattr(device, way)) if device else ["-"] * 3
        row += [_ns(getattr(software, way))] if software else ["-"]
    return row


def _by_device(direction: Direction) -> list[str]:
    """Give what a page takes in a device, and a CPU for it."""
    engine = count(round(direction.engine_ns(PAGE_SIZE)))
    return [_ns(direction.call), _ns(direction.descriptor), engine]


def _ns(figure: Figure) -> str:
    """Give a time in ns."""
    return count(round(figure.ns))
