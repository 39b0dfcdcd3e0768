"""What a device counts, in shared words that it alone writes."""

from dataclasses import dataclass, fields

from mpzswap.topology.faults import Kind


@dataclass
class DeviceCounters:
    """One word a field, in this order; everything since the device started."""

    # Descriptors answered, whatever the answer.
    descriptors: int = 0
    # ... of which the status was not SUCCESS.
    errors: int = 0
    # Descriptors whose completion address was bad, or not said to be valid (CRAV):
    # there is nowhere to answer.
    unreported: int = 0
    # Bytes read and written by the codec.
    bytes_in: int = 0
    bytes_out: int = 0
    # Time spent on descriptors, ns.
    busy_ns: int = 0
    # Times it slept for want of work.
    sleeps: int = 0
    # Lanes given up since their producer broke the rules.
    broken_lanes: int = 0
    # Interrupts raised, one a completion that asked for it.
    interrupts: int = 0
    # Answers that came late, by a profile's time, and by how much: together, at most.
    late: int = 0
    late_ns: int = 0
    late_max_ns: int = 0

    def publish(self, words: memoryview) -> None:
        """Write every counter into its word."""
        for index, value in enumerate(vars(self).values()):
            words[index] = value

    def add(self, other: "DeviceCounters") -> None:
        """Add what another incarnation of the device counted."""
        latest_ns = max(self.late_max_ns, other.late_max_ns)
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        self.late_max_ns = latest_ns

    @classmethod
    def read(cls, words: memoryview) -> "DeviceCounters":
        """Read them back; each word by itself, not all at one instant."""
        return cls(*words[: len(fields(cls))].tolist())


COUNTER_WORDS = len(fields(DeviceCounters))


def read_injected(words: memoryview) -> dict[str, int]:
    """Give how often a fault of each kind was injected, of those that were."""
    counts = zip(Kind, words.tolist(), strict=True)
    return {str(kind): count for kind, count in counts if count}
