"""Nothing that comes from a file, a socket or shared memory can run as code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import mpzswap
from mpzswap.topology.document import Loader

PACKAGE = Path(mpzswap.__file__).parent
MODULES = sorted(str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py"))

# They make objects, or call functions, that their input names.
MODULES_THAT_ACT = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
MODULES_THAT_ACT |= {"multiprocessing", "code", "codeop"}
CALLS_THAT_ACT = {"eval", "exec", "compile", "__import__", "execfile"}
# Of yaml, all that takes any loader, or one that is not safe.
YAML_THAT_ACTS = {"load", "load_all", "unsafe_load", "unsafe_load_all"}
YAML_THAT_ACTS |= {"full_load", "full_load_all", "Loader", "FullLoader"}
YAML_THAT_ACTS |= {"UnsafeLoader", "CLoader", "CUnsafeLoader", "CFullLoader"}


def acting(source: str) -> Iterator[str]:
    """Give what *source* names that makes code of data."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in CALLS_THAT_ACT:
                yield node.func.id
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield "allow_pickle"
        yield from filter(acts, names)


def acts(name: str) -> bool:
    """Tell whether a dotted name makes code of data."""
    first, _, rest = name.partition(".")
    return first in MODULES_THAT_ACT or (first == "yaml" and rest in YAML_THAT_ACTS)


@pytest.mark.parametrize("module", MODULES)
def test_module_makes_no_code_of_data(module: str) -> None:
    """No pickle, no marshal, no eval, no loader of YAML that makes objects."""
    assert list(acting((PACKAGE / module).read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import multiprocessing.connection",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "from yaml import unsafe_load",
        "class Mine(yaml.FullLoader): ...",
        "eval(text)",
        "np.load(file, allow_pickle=True)",
    ],
)
def test_code_of_data_is_found(source: str) -> None:
    """The test can fail."""
    assert list(acting(source))


def test_loader_of_topologies_is_a_safe_one() -> None:
    """It has the safe loader's constructors, and not one more."""
    assert issubclass(Loader, yaml.SafeLoader)
    assert Loader.yaml_constructors is yaml.SafeLoader.yaml_constructors
    assert Loader.yaml_multi_constructors is yaml.SafeLoader.yaml_multi_constructors
