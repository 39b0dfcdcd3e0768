"""Which clock numbers come from, in words."""

CLOCKS = {
    "work": "work: wall time of this host, whose devices are processes; not IAA's",
    "model": "model: time of the topology's timing profile, kept by processes",
    "virtual": "virtual: time of the topology's timing profile, made up",
}


def clock_words(name: str) -> str:
    """Give what the clock *name* is; one that we do not know, by its name."""
    return CLOCKS.get(name, name)
