"""
Finite state entropy as Zstandard has it: RFC 8878, 4.1.

    description --read_table--> probabilities --make_table--> rows of a state each
"""

from collections.abc import Sequence
from typing import NamedTuple


class Forward:
    """Reads bits from the first byte on, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value = int.from_bytes(data, "little")
        self._at = 0

    def peek(self, width: int) -> int:
        """Give the next bits without taking them; zeros after the end."""
        return self._value >> self._at & ((1 << width) - 1)

    def read(self, width: int) -> int:
        """Take the next bits."""
        value = self.peek(width)
        self._at += width
        if self._at > 8 * len(self._data):
            raise ValueError("cut short")
        return value

    @property
    def used(self) -> int:
        """Bytes begun."""
        return -(-self._at // 8)


class Backward:
    """Reads bits from the last byte on, below the highest 1, which is the mark."""

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise ValueError("no mark at the end of the bits")
        self._value = int.from_bytes(data, "little")
        self.left = self._value.bit_length() - 1

    def read(self, width: int) -> int:
        """Take the next bits; ``left`` is below 0 when there were too few."""
        self.left -= width
        value = (
            self._value >> self.left if self.left >= 0 else self._value << -self.left
        )
        return value & ((1 << width) - 1)


class State(NamedTuple):
    """A row of a table: the symbol, and where to go from here."""

    symbol: int
    width: int
    base: int


Table = Sequence[State]


def read_table(data: bytes, highest_log: int) -> tuple[Table, int]:
    """Read the description of a table; give the table and its bytes (4.1.1)."""
    bits = Forward(data)
    log = bits.read(4) + 5
    if log > highest_log:
        raise ValueError(f"accuracy {log}, at most {highest_log}")
    left = 1 << log
    shares: list[int] = []
    while left > 0:
        share = _read_share(bits, left)
        shares.append(share)
        left -= abs(share)
        again = 3 if share == 0 else 0
        while again == 3:
            again = bits.read(2)
            shares += [0] * again
    if left < 0:
        raise ValueError("shares add up to more than the whole")
    return make_table(shares, log), bits.used


def _read_share(bits: Forward, left: int) -> int:
    """Read one share, of which small ones take a bit less."""
    width = (left + 1).bit_length()
    value = bits.peek(width)
    low = value & ((1 << (width - 1)) - 1)
    saved = (1 << width) - 1 - (left + 1)
    if low < saved:
        return bits.read(width - 1) - 1
    bits.read(width)
    return (value - saved if value != low else value) - 1


def make_table(shares: Sequence[int], log: int) -> Table:
    """Spread symbols over the states by their shares; -1 is "less than 1"."""
    size = 1 << log
    symbols = [-1] * size
    top = size
    for symbol, share in enumerate(shares):
        if share == -1:
            top -= 1
            symbols[top] = symbol
    at = 0
    for symbol, share in enumerate(shares):
        for _ in range(max(share, 0)):
            symbols[at] = symbol
            at = _next_place(at, size)
            while at >= top:
                at = _next_place(at, size)
    return _number(symbols, [abs(share) for share in shares], log)


def _next_place(at: int, size: int) -> int:
    return (at + (size >> 1) + (size >> 3) + 3) % size


def _number(symbols: Sequence[int], counts: list[int], log: int) -> Table:
    table = []
    for symbol in symbols:
        count = counts[symbol]
        counts[symbol] += 1
        width = log + 1 - count.bit_length()
        table.append(State(symbol, width, (count << width) - (1 << log)))
    return table


def single(symbol: int) -> Table:
    """Give the table that has one symbol, and takes no bits."""
    return [State(symbol, 0, 0)]


class Walk:
    """A state on its way through a table."""

    def __init__(self, table: Table, bits: Backward) -> None:
        self._table = table
        self._bits = bits
        self._state = bits.read(len(table).bit_length() - 1)

    @property
    def symbol(self) -> int:
        """The symbol of this state."""
        return self._table[self._state].symbol

    def step(self) -> None:
        """Go to the next state."""
        _, width, base = self._table[self._state]
        self._state = base + self._bits.read(width)
