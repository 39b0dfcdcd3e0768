"""The values of a sweep, from options and from a file."""

import argparse
from pathlib import Path

import msgspec
import pytest

from mpzswap.cli import sweep
from mpzswap.cli.main import main
from mpzswap.cli.run_options import RUN_OPTIONS
from mpzswap.cli.sweep_values import SWEPT, given_axes, in_order, read_axes
from mpzswap.errors import InputError
from mpzswap.workload.plan import Wishes
from mpzswap.workload.sweep import SweepPlan, choose

EVERY_WORD = """
topology: [laptop-2iaa, host]
pages: mix:text
workers: [1, 2]
memory: [1M, 2097152]
folio: 64K
duration: 1.5
shrinker: [off, true]
verify: false
set: {driver.sync_mode: [sync, async], driver.verify_compress: true}
swap: [64M, 64M]
inject: ["lost:p=1%"]
seed: [1, 2]
"""


def given(*words: str) -> argparse.Namespace:
    """Parse options."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    sweep.add_arguments(parser)
    return parser.parse_args(words)


def test_lists_of_options_become_values() -> None:
    """Each value once, by the types of stress."""
    args = given("--memory", "1M,1024K,2M", "--topology", "a,b", "--no-verify")

    assert given_axes(args) == {
        "topology": ("a", "b"),
        "memory": (1 << 20, 2 << 20),
        "verify": (False,),
    }


def test_options_that_are_not_given_are_not_there() -> None:
    """Their defaults are those of a run."""
    assert given_axes(given()) == {}


def test_set_has_a_list_for_each_key() -> None:
    """Of one key the last holds."""
    args = given("--set", "a.b=1,2", "--set", "a.c=x", "--set", "a.b=3")

    assert given_axes(args) == {"set.a.b": ("3",), "set.a.c": ("x",)}


def test_swap_areas_and_faults_are_those_of_each_run() -> None:
    """They are no values to choose from."""
    args = given("--swap", "64M,64M", "--inject", "late", "--inject", "lost:p=1%")

    assert given_axes(args) == {
        "swap": ([64 << 20, 64 << 20],),
        "inject": (["late", "lost:p=1%"],),
    }


def read(folder: Path, text: str) -> dict[str, tuple[object, ...]]:
    """Read a parameter file."""
    file = folder / "sweep.yaml"
    file.write_text(text)
    return read_axes(str(file))


def test_file_has_the_same_words(tmp_path: Path) -> None:
    """A value or a list; numbers and sizes as YAML has them."""
    assert read(tmp_path, EVERY_WORD) == {
        "topology": ("laptop-2iaa", "host"),
        "pages": ("mix:text",),
        "workers": (1, 2),
        "memory": (1 << 20, 2 << 20),
        "folio": (64 << 10,),
        "duration": (1.5,),
        "shrinker": (False, True),
        "verify": (False,),
        "set.driver.sync_mode": ("sync", "async"),
        "set.driver.verify_compress": ("true",),
        "swap": ([64 << 20, 64 << 20],),
        "inject": (["lost:p=1%"],),
        "seed": (1, 2),
    }


def test_parameters_of_a_line_are_a_file_again(tmp_path: Path) -> None:
    """So that one run of many can be done again."""
    axes = in_order(read(tmp_path, EVERY_WORD))
    combinations = SweepPlan(axes=axes, topologies={}).combinations()

    for parameters in (combinations[0], combinations[-1]):
        text = msgspec.json.encode(parameters).decode()
        again = SweepPlan(axes=in_order(read(tmp_path, text)), topologies={})
        assert again.combinations() == [parameters]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: red", "sweep.yaml: colour: unknown key, must be one of topology, "),
        ("batch_size: [1, x]", "sweep.yaml: batch_size[1]: 'x': must be a whole"),
        ("batch_size: 65", "batch_size: '65': must be a whole number from 1 to 64"),
        ("batch_size: []", "batch_size: must have a value"),
        ("batch_size: {a: 1}", "batch_size: must be a value or a list of some"),
        ("batch_size: ~", "batch_size: must be a value or a list of some"),
        ("memory: 1Q", "memory: '1Q': must be a number of bytes"),
        ("folio: 8K", "folio: '8K': must be one of 4K"),
        ("verify: maybe", "verify: 'maybe': must be one of on, off"),
        ("set: [a]", "set: must be a mapping"),
        ("set: {a.b: {c: 1}}", "set.a.b: must be a value or a list of some"),
        ("swap: [1Q]", "swap[0]: '1Q'"),
        ("seed: -1", "seed: '-1': must be a whole number"),
        ("- 1", "line 1: must be a mapping with the keys of a sweep"),
        ("seed: 1\nseed: 2", "line 2: the key 'seed' comes a second time"),
        ("a: !!python/name:os.system", "is not known here"),
    ],
)
def test_mistake_in_a_file_is_named_by_its_path(
    tmp_path: Path, text: str, message: str
) -> None:
    """The file, the word and the value are in the line."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)

    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_every_option_of_a_run_can_be_swept() -> None:
    """One that is new in the table is swept too; the last ones are flags."""
    assert list(SWEPT) == [
        "topology",
        "pages",
        *(option.name for option in RUN_OPTIONS),
        "verify",
        "interleave",
    ]


def test_words_are_those_of_wishes() -> None:
    """All but those of the topology, and the clock, which is to come."""
    assert set(Wishes.__struct_fields__) - {"changes", "faults"} <= (
        set(SWEPT) | {"swap", "seed"}
    )


def test_order_of_combinations_is_not_that_of_options() -> None:
    """The same sweep has the same order, however it is asked for."""
    one = given_axes(given("--seeds", "1,2", "--workers", "1,2", "--topology", "host"))

    assert list(in_order(one)) == ["topology", "workers", "seed"]
    assert choose(in_order(one)).varying() == ["workers", "seed"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch-size", "1,,8"], "argument --batch-size: ''"),
        (["--topology", "host,nowhere"], "topology: 'nowhere'"),
        (["--jobs", "0"], "argument --jobs: '0'"),
        (["--set", "memory"], "set: 'memory': must be KEY=VALUE"),
        (["--seed", "1", "--seeds", "1,2"], "--seeds: not with --seed"),
        (["--scheduler", "nowhere"], "scheduler 'nowhere': must be an address"),
        (["no.yaml"], "no.yaml: No such file or directory"),
        (["--output", "no/a.jsonl"], "--output: no/a.jsonl: No such file"),
        (["--clock", "sundial"], "argument --clock: 'sundial'"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Status 2, and nothing was started or written."""
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["sweep", "--quiet", *words])
    except SystemExit as end:
        status = int(end.code or 0)

    assert status == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
