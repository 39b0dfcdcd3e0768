"""Literals of a Zstandard block: plain, repeated, Huffman (RFC 8878, 3.1.1.3.1)."""

from tests.tools import fse

# Bits of a code -> its symbol, with the code written as text of 0 and 1.
Tree = dict[str, int]

RAW, RLE, HUFFMAN, TREELESS = range(4)
# By size format: bytes of the header, bits of each of its two sizes, streams.
PACKED = ((3, 10, 1), (3, 10, 4), (4, 14, 4), (5, 18, 4))
# 4.2.1: a code has at most so many bits; the FSE of the weights so much accuracy.
MAX_BITS = 11
MAX_WEIGHTS_LOG = 6


class LiteralsDecoder:
    """Keeps the tree, which later blocks may use again."""

    def __init__(self) -> None:
        self._tree: Tree | None = None

    def decode(self, block: bytes) -> tuple[bytes, int]:
        """Give the literals of *block*, and how many bytes they took."""
        if not block:
            raise ValueError("cut short")
        if block[0] & 3 in (RAW, RLE):
            return _plain(block)
        return self._packed(block)

    def _packed(self, block: bytes) -> tuple[bytes, int]:
        header, width, streams = PACKED[block[0] >> 2 & 3]
        sizes = int.from_bytes(block[:header], "little") >> 4
        count, size = sizes & ((1 << width) - 1), sizes >> width
        body = _part(block, header, size)
        if block[0] & 3 == HUFFMAN:
            self._tree, used = read_tree(body)
            body = body[used:]
        if self._tree is None:
            raise ValueError("a tree is used again that never was")
        if streams == 1:
            return read_stream(self._tree, body, count), header + size
        return read_four(self._tree, body, count), header + size


def _part(data: bytes, at: int, count: int) -> bytes:
    part = data[at : at + count]
    if len(part) < count:
        raise ValueError("cut short")
    return part


def _plain(block: bytes) -> tuple[bytes, int]:
    size_format = block[0] >> 2 & 3
    header = {1: 2, 3: 3}.get(size_format, 1)
    number = int.from_bytes(_part(block, 0, header), "little")
    count = number >> (3 if header == 1 else 4)
    if block[0] & 3 == RAW:
        return _part(block, header, count), header + count
    return _part(block, header, 1) * count, header + 1


def read_tree(data: bytes) -> tuple[Tree, int]:
    """Read weights, make the codes; give them and their bytes (4.2.1)."""
    if not data:
        raise ValueError("cut short")
    if data[0] >= 128:
        count = data[0] - 127
        size = -(-count // 2)
        weights = [int(nibble, 16) for nibble in _part(data, 1, size).hex()][:count]
    else:
        size = data[0]
        weights = read_weights(_part(data, 1, size))
    return make_tree(weights), 1 + size


def read_weights(data: bytes) -> list[int]:
    """Read weights that two states gave in turn, up to the last bit (4.2.1.2)."""
    table, used = fse.read_table(data, MAX_WEIGHTS_LOG)
    bits = fse.Backward(data[used:])
    walks = [fse.Walk(table, bits), fse.Walk(table, bits)]
    weights: list[int] = []
    while len(weights) < 256:
        weights.append(walks[0].symbol)
        walks[0].step()
        if bits.left < 0:
            return [*weights, walks[1].symbol]
        walks.reverse()
    raise ValueError("more weights than symbols")


def make_tree(weights: list[int]) -> Tree:
    """Give the codes; the last symbol's weight is what the others leave (4.2.1.3)."""
    total = sum(1 << weight >> 1 for weight in weights)
    bits = total.bit_length()
    left = (1 << bits) - total
    if not total or bits > MAX_BITS or left.bit_count() != 1:
        raise ValueError("the weights make no tree")
    weights = [*weights, left.bit_length()]
    tree = {}
    code = 0
    for weight in range(1, bits + 1):
        width = bits + 1 - weight
        for symbol, each in enumerate(weights):
            if each == weight:
                tree[f"{code >> (weight - 1):0{width}b}"] = symbol
                code += 1 << (weight - 1)
    return tree


def read_four(tree: Tree, data: bytes, count: int) -> bytes:
    """Read four streams, whose sizes are told but for the last (4.2.2)."""
    sizes = [int.from_bytes(_part(data, at, 2), "little") for at in (0, 2, 4)]
    each = (count + 3) // 4
    counts = [each, each, each, count - 3 * each]
    at, out = 6, b""
    for size, number in zip([*sizes, len(data) - 6 - sum(sizes)], counts, strict=True):
        if size < 1 or number < 0:
            raise ValueError("cut short")
        out += read_stream(tree, _part(data, at, size), number)
        at += size
    return out


def read_stream(tree: Tree, data: bytes, count: int) -> bytes:
    """Read *count* symbols, which use up all bits."""
    bits = fse.Backward(data)
    out = bytearray()
    code = ""
    while len(out) < count and bits.left > 0:
        code += str(bits.read(1))
        if code in tree:
            out.append(tree[code])
            code = ""
    if len(out) < count or bits.left:
        raise ValueError("the bits are not those of the symbols")
    return bytes(out)
