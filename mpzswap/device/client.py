"""What a device knows of a submitter's process: a client, found by its pasid."""

from dataclasses import dataclass, field

from mpzswap.ring.memory import AddressSpace


@dataclass(eq=False)
class Client:
    """Whose descriptors a lane has, and what they may name."""

    pasid: int
    space: AddressSpace = field(default_factory=AddressSpace)
