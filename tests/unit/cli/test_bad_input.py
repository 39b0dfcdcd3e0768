"""Whatever is wrong with words or files: status 2, one line, nothing left behind."""

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpzswap.cli.main import main

GOOD = "memory: 1G\nsockets: [{cores: 1}]\ndevices: [{name: a}]\n"
# A line longer than this nobody reads.
MAX_LINE = 400

# Contents of a topology file, and what the line about it has.
FILES: dict[str, tuple[str | bytes, str]] = {
    "list": ("- 1\n", "line 1: must be a mapping"),
    "scalar": ("5\n", "line 1: must be a mapping"),
    "empty": ("", "line 1: must be a mapping"),
    "zeros": (bytes(100), "unacceptable character"),
    "binary": (b"\x80\x81\xff\x00", "byte 0 is no UTF-8"),
    "utf-16": ("memory: 1G".encode("utf-16"), "byte 0 is no UTF-8"),
    "latin-1": (b"name: \xe9\n", "byte 6 is no UTF-8"),
    "surrogate": (b"name: \xed\xa0\x80\n", "byte 6 is no UTF-8"),
    "two keys": (GOOD + "memory: 2G\n", "'memory' comes a second time"),
    "two documents": (GOOD + "---\n" + GOOD, "line 4: "),
    "nan": (GOOD.replace("1G", ".nan"), "memory: nan: must be an integer"),
    "infinite": (GOOD.replace("1G", "-.inf"), "must be an integer"),
    "fraction": (GOOD.replace("1G", "1.5"), "memory: 1.5: must be an integer"),
    "negative": (GOOD.replace("1G", "-5"), "memory: -5: must be an integer >= 4096"),
    "40 digits": (GOOD.replace("1G", "9" * 40), "memory: 9999"),
    "5000 digits": (GOOD.replace("1G", "9" * 5000), "a value is not what its tag"),
    "null": (GOOD.replace("1G", "~"), "memory: null: must be an integer"),
    "nested lists": ("a: " + "[" * 5000, "nested deeper than 20"),
    "nested mappings": ("a: " + "{a: " * 30_000, "nested deeper than 20"),
    "nested blocks": ("- " * 20_000, "nested deeper than 20"),
    "itself": ("&a {memory: *a}", "nested deeper than 20"),
    "no anchor": ("a: *b\n", "line 1: "),
    "too long": ("#" * (1 << 19), "must be at most 262144 bytes"),
    "unknown key": (GOOD + "colour: red\n", "colour: unknown key, must be one of"),
    "key of two lines": (GOOD + '"a\\nb": 1\n', "line 4: a key must be a word"),
    "key that acts": (GOOD + '"\\e[2J": 1\n', "line 4: a key must be a word"),
    "key that is a list": ("? [a, b]\n: 1\n", "a key must be a word"),
    "name of two lines": (GOOD + 'name: "a\\nb"\n', r"name: 'a\nb': has '\n' in it"),
    "name that acts": (GOOD + 'name: "\\e[2J"\n', r"name: '\x1b[2J': has '\x1b'"),
    "description that acts": (GOOD + 'description: "\\a"\n', r"description: '\x07'"),
    "version": (GOOD + "version: 2\n", "version: 2: must be one of 1"),
    "long value": (GOOD + f"version: {'x' * 99_999}\n", "version: xxx"),
    "no compressor": (GOOD + "zswap: {compressor: gzip}\n", "zswap.compressor: gzip"),
    "no level": (GOOD + "zswap: {compressor: 'zstd:99'}\n", "from 1 to 22, not '99'"),
    "100 devices": (
        GOOD.replace("[{name: a}]", str([{"name": f"d{i}"} for i in range(100)])),
        "devices: a list of 100: must be ",
    ),
}

# What would run something, if tags were believed; MARK is a file that is not there.
TAGS = (
    "a: !!python/object/apply:os.system ['touch MARK']",
    "a: !!python/object/apply:subprocess.check_output [[touch, MARK]]",
    "!!python/object/apply:os.system ['touch MARK']",
    "!!python/object/new:os.system ['touch MARK']",
    "!!python/object/apply:os.mkdir [MARK]",
    "a: !!python/name:os.system",
    "a: !!python/module:os",
    "%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.mkdir [MARK]",
    "a: !<tag:yaml.org,2002:python/object/apply:os.mkdir> [MARK]",
    "? !!python/object/apply:os.mkdir [MARK]\n: 1",
)

# Command lines, and what the line about them has.
LINES = {
    "": "COMMAND",
    "nonsense": "'nonsense'",
    "''": "''",
    "--nope": "COMMAND",
    "stress extra": "extra",
    "stress 'a\nb'": r"a\nb",
    "stress --nope": "--nope",
    "stress --work 2": "--work",
    "stress --seed": "--seed: expected one argument",
    "stress --seed x": "--seed: 'x': must be a whole number from 0 to",
    "stress --seed -1": "--seed: ",
    "stress --seed 99999999999999999999": "--seed: '9999",
    "stress --quiet --progress": "not allowed with",
    "stress --json ''": "--json: : No such file",
    "stress --json .": "--json: .: Is a directory",
    "stress --json no/x": "--json: no/x: No such file",
    "stress --json fifo": "--json: fifo: No such device or address",
    "stress --json /proc/version": "--json: /proc/version: ",
    "stress --topology ''": "topology: '': must be a file or one of host",
    "stress --topology none.yaml": "none.yaml: No such file",
    "stress --topology folder.yaml": "folder.yaml: must be a file",
    "stress --topology fifo.yaml": "fifo.yaml: must be a file",
    "stress --topology loop.yaml": "loop.yaml: Too many levels of symbolic links",
    "stress --topology /dev/zero": "topology: '/dev/zero': must be a file",
    "stress --workers 0": "--workers: '0': must be a whole number from 1",
    "stress --workers 4000": "workers: 4000: must be at most",
    "stress --memory 0": "memory: 0: must be a multiple of 64K",
    "stress --memory 4097": "memory: 4097: must be a multiple",
    "stress --memory 8E": "--memory: '8E': must be a number of bytes",
    "stress --memory 99999999999T": "--memory: '99999999999T': must be at most",
    "stress --memory 1M --folio 2M": "memory: 1M: must be a multiple of 2M",
    "stress --limit 1": "limit: 1: must be at least 4096 bytes",
    "stress --pages ''": "pages: an empty name",
    "stress --pages 'a\udcff'": r"pages 'a\udcff': must be a name in UTF-8",
    "sweep --pages 'a\udcff'": r"pages 'a\udcff': must be a name in UTF-8",
    "sweep --output ''": "--output: : No such file",
    "sweep --output a --json ./a": "--json: ./a: must not be the file of --output",
    "sweep --scheduler tls://a:1": "such as tcp://host:8786, of tcp or ws",
    "stress --pages mix:": "mix '': no such mix",
    "stress --pages pid:0": "pid:0: not a process id",
    "stress --pages pid:999999999": "pid 999999999: no such process",
    "stress --pages none": "pages: none: no such file or folder",
    "stress --pages 'a\nb'": r"pages: a\nb: no such file",
    "stress --pages fifo": "fifo: is neither a file nor a folder",
    "stress --pages /dev/zero": "/dev/zero: is neither",
    "stress --pages empty": "empty: holds no bytes",
    "stress --pages folder.yaml": "folder.yaml: holds no bytes",
    "stress --folio 5K": "--folio: '5K': must be one of",
    "stress --compressor x": "compressor 'x': must be one of",
    "stress --compressor ''": "compressor '': must be one of",
    "stress --compressor zstd:99": "from 1 to 22, not '99'",
    "stress --compressor lz4:": "must be a whole number",
    "stress --batching x": "--batching: 'x': must be one of off",
    "stress --batch-size 0": "--batch-size: '0': must be",
    "stress --reclaim-batch 33": "--reclaim-batch: '33': must be",
    "stress --rounds 0": "--rounds: '0': must be",
    "stress --duration nan": "--duration: 'nan': must be seconds",
    "stress --duration 1e99": "--duration: '1e99': must be seconds",
    "stress --time-scale 0.5": "--time-scale: '0.5': must be a number from 1 to 100000",
    "stress --clock wall": "--clock: 'wall': must be one of work, model, virtual",
    "stress --swap 1": "swap: 1: must be a multiple of 4096 bytes",
    "stress --swap 64M,": "--swap: '': must be a number of bytes",
    f"stress --swap {','.join(['4K'] * 99)}": "swap: 99 areas: must be at most 32",
    "stress --shrinker on": "shrinker: on: needs somewhere",
    "stress --interleave": "interleave: topology host has 1 node",
    "stress --stats kernel:empty": "--stats: ",
    "stress --set x": "set: 'x': must be KEY=VALUE",
    "stress --set zswap.exclusive_loads=false": "zswap.exclusive_loads: false",
    "stress --set driver.completion_timeout_ms=.nan": "completion_timeout_ms: nan",
    "bench --operation x": "--operation: 'x': must be one of",
    "bench --compressor ,": "compressor '': must be one of",
    "bench --batch-size 1,x": "--batch-size: 'x': must be",
    "bench --depth 1,,2": "--depth: '': must be",
    "bench --devices 65": "--devices: '65': must be a whole number from 1 to 64",
    "bench --devices 9 --topology laptop-2iaa": "devices: 9: ",
    "bench --sync-mode x": "--sync-mode: 'x': must be one of",
    "bench --count 0": "--count: '0': must be",
    "bench --repeat x": "--repeat: 'x': must be",
    "bench --pages none": "pages: none: no such file",
    "bench --json no/x": "--json: no/x: No such file",
    "selftest --compressor x": "compressor 'x': must be one of",
    "selftest --compressor zstd:0": "from 1 to 22, not '0'",
    "selftest --json .": "--json: .: Is a directory",
    "validate --jobs 0": "--jobs: '0': must be a whole number from 1 to 256",
    "validate --only nothing": "only: 'nothing': no source and no row has it",
    "validate --only 03/26 --json no/x": "--json: no/x: No such file",
    "topology": "ACTION",
    "topology x": "'x'",
    "topology show": "NAME or FILE",
    "topology show x": "topology: 'x': must be a file or one of host",
    "topology show host --set x": "set: 'x': must be KEY=VALUE",
    "topology check host": "host: No such file",
    "topology list --json no/x": "--json: no/x: No such file",
    "topology list --json fifo": "--json: fifo: No such device or address",
    "topology list --seed x": "--seed: ",
}

Run = Callable[..., str]


@pytest.fixture(name="refused")
def _refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Give what runs words in a folder, and gives the line that they are told."""
    monkeypatch.chdir(tmp_path)
    Path("folder.yaml").mkdir()
    Path("empty").touch()
    os.mkfifo("fifo")
    os.mkfifo("fifo.yaml")
    Path("loop.yaml").symlink_to("loop.yaml")
    before = {number: signal.getsignal(number) for number in (2, 15)}

    def run(*words: str) -> str:
        there = sorted(Path().iterdir())
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(str(ended.code))
        told = capsys.readouterr().err
        assert status == 2
        assert told.endswith("\n")
        assert told[:-1].isprintable()
        assert len(told) < MAX_LINE
        assert sorted(Path().iterdir()) == there
        return told

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("line", LINES)
def test_wrong_words_are_told_in_a_line(refused: Run, line: str) -> None:
    """It names the option or the thing, the value, and where there is one the limit."""
    told = refused(*shlex.split(line), *(["--quiet"] if "--json" in line else []))

    assert told.startswith("mpzswap")
    assert LINES[line] in told


@pytest.mark.parametrize("name", FILES)
def test_wrong_topology_is_told_in_a_line(refused: Run, name: str) -> None:
    """Whatever is in the file, by ``check`` and by a run."""
    content, what = FILES[name]
    data = content if isinstance(content, bytes) else content.encode()
    Path("bad.yaml").write_bytes(data)

    assert what in refused("topology", "check", "bad.yaml")
    assert what in refused("stress", "--quiet", "--topology", "bad.yaml")


@pytest.mark.parametrize("text", TAGS)
def test_tag_of_a_topology_runs_nothing(refused: Run, text: str) -> None:
    """It is refused as unknown, whatever way it is written, before it is looked up."""
    Path("bad.yaml").write_text(text.replace("MARK", "mark"))

    told = refused("topology", "check", "bad.yaml")

    assert "is not known here" in told or "must be" in told
    assert not Path("mark").exists()


@pytest.mark.parametrize("use", ["[{0}]", "{{<<: [{0}]}}", "{{a: {0}}}"])
def test_bomb_of_a_topology_is_refused(refused: Run, use: str) -> None:
    """A billion laughs: aliases of aliases, in lists, merges and mappings."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 20):
        aliases = ",".join([f"*a{level - 1}"] * 9)
        if use == "{{a: {0}}}":
            aliases = f"[{aliases}]"
        lines.append(f"a{level}: &a{level} " + use.format(aliases))
    Path("bad.yaml").write_text("\n".join(lines))

    told = refused("topology", "check", "bad.yaml")

    assert "aliases written out" in told or "nested deeper than" in told


def test_bomb_of_long_words_is_refused_by_its_size(refused: Run) -> None:
    """Aliases of one long word: they are counted, however few bytes the file has."""
    word = "x" * 100_000
    Path("bad.yaml").write_text(f"a: &a {word}\nb: [{','.join(['*a'] * 20_001)}]\n")

    assert "aliases written out" in refused("topology", "check", "bad.yaml")


def test_folder_for_swap_files_that_is_not_there_is_told(
    refused: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Python would take another one without a word, which may be too small."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))

    told = refused("stress", "--quiet", "--swap", "1M")

    assert told == f"mpzswap stress: swap: {tmp_path}/none: No such file or directory\n"


@pytest.mark.parametrize("command", ["stress", "bench", "selftest", "topology list"])
def test_reader_that_never_comes_is_not_waited_for(refused: Run, command: str) -> None:
    """A pipe for --json that nobody reads."""
    told = refused(*command.split(), "--quiet", "--json", "fifo")

    assert "--json: fifo: No such device or address" in told
