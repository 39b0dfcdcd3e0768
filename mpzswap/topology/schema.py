"""The JSON Schema of a topology file, for editors that complete and check."""

from typing import Any

import msgspec

from mpzswap.topology.document import SIZE_KEYS
from mpzswap.topology.model import Topology
from mpzswap.topology.size import SIZE_PATTERN


def schema() -> dict[str, Any]:
    """Give the schema; a size may be a number of bytes, or text with a unit."""
    found = msgspec.json.schema(Topology)
    size = {"type": "string", "pattern": SIZE_PATTERN}
    for part in found["$defs"].values():
        properties = part["properties"]
        for key in SIZE_KEYS & properties.keys():
            default = {"default": properties[key].pop("default", None)}
            properties[key] = {"anyOf": [properties[key], size]} | (
                default if default["default"] is not None else {}
            )
    return found
