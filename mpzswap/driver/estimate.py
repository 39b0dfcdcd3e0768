"""How long a descriptor takes: a running mean of what devices stamp."""

from mpzswap.acomp.request import Operation

# Before the first answer: between lz4 and zstd on one core.
FIRST_GUESS_NS = 15_000
# A mean over some 16 answers: page kinds change, and one answer says little.
WEIGHT = 1 / 16


class ServiceTimes:
    """Learns from the stamps in completion records, apart from how late we look."""

    def __init__(self) -> None:
        self._mean_ns = dict.fromkeys(Operation, float(FIRST_GUESS_NS))

    def learn(self, operation: Operation, service_ns: int) -> None:
        """Take in how long a device worked on one descriptor."""
        self._mean_ns[operation] += WEIGHT * (service_ns - self._mean_ns[operation])

    def expected_ns(self, operation: Operation, queue_length: int) -> int:
        """Give how long until the last of *queue_length* descriptors is done."""
        return int(self._mean_ns[operation] * queue_length)
