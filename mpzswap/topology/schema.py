"""The JSON Schema of a topology file, for editors that complete and check."""

from typing import Any

import msgspec

from mpzswap.topology.document import SIZE_KEYS
from mpzswap.topology.model import Topology
from mpzswap.topology.named import timing_names
from mpzswap.topology.size import SIZE_PATTERN
from mpzswap.topology.timing import NONE


def schema() -> dict[str, Any]:
    """
    Give the schema.

    A size may be a number of bytes, or text with a unit; a timing profile a mapping,
    or the name of one that comes with mpzswap.
    """
    found = msgspec.json.schema(Topology)
    size = {"type": "string", "pattern": SIZE_PATTERN}
    for part in found["$defs"].values():
        properties = part["properties"]
        for key in SIZE_KEYS & properties.keys():
            default = {"default": properties[key].pop("default", None)}
            properties[key] = {"anyOf": [properties[key], size]} | (
                default if default["default"] is not None else {}
            )
    profile = {"type": "string", "enum": [NONE, *timing_names()]}
    found["$defs"]["Topology"]["properties"]["timing"]["anyOf"].append(profile)
    return found
