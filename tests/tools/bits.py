"""Bits put together by hand, as RFC 1951 packs them: the first goes lowest."""

from typing import Self


class Bits:
    """A string of bits that grows; each method gives the same object again."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def number(self, value: int, width: int) -> Self:
        """Add a plain number, its lowest bit first."""
        self._bits.append(f"{value:0{width}b}"[::-1] if width else "")
        return self

    def code(self, code: str, times: int = 1) -> Self:
        """Add Huffman codes as they are written on paper; blanks do not count."""
        self._bits.append(code.replace(" ", "") * times)
        return self

    def packed(self) -> bytes:
        """Give the bytes, the last one filled up with zeros."""
        bits = "".join(self._bits)
        count = -(-len(bits) // 8)
        return int(bits[::-1], 2).to_bytes(count, "little")
