"""The counters in the kernel's layout, read as scripts read the kernel's files."""

import re
from typing import Any

import msgspec
import pytest

from mpzswap.report.kernel_files import PATHS, kernel_files, text
from mpzswap.report.records import ReadaheadReport, StressReport
from tests.tools.reports import device, stress_report


def names(text: str) -> list[str]:
    """Give the names of a text."""
    return text.split()


# Linux, mm/zswap.c, zswap_debugfs_init.
ZSWAP = names("""
pool_limit_hit reject_reclaim_fail reject_alloc_fail reject_kmemcache_fail
reject_compress_fail reject_compress_poor decompress_fail written_back_pages
pool_total_size stored_pages stored_incompressible_pages
""")
# Linux, drivers/crypto/intel/iaa/iaa_crypto_stats.c.
GLOBAL = names("""
total_comp_calls total_decomp_calls total_sw_decomp_calls total_comp_bytes_out
total_decomp_bytes_in total_completion_einval_errors total_completion_timeout_errors
total_completion_comp_buf_overflow_errors
""")
DEVICE = names("id n_wqs comp_calls comp_bytes decomp_calls decomp_bytes")
WQ = names("name comp_calls comp_bytes decomp_calls decomp_bytes")
# Linux, mm/vmstat.c.
VMSTAT = names("pswpin pswpout swap_ra swap_ra_hit zswpin zswpout zswpwb")

DEBUGFS = "sys/kernel/debug"


def distinct() -> StressReport:
    """Give a report in which no two counters are alike."""
    replace = msgspec.structs.replace
    report = stress_report()
    wqs = tuple(
        replace(
            device(1).wqs[0],
            configured_name=f"iaa_crypto{place}",
            comp_calls=10 + place,
            comp_bytes=20 + place,
            decomp_calls=30 + place,
            decomp_bytes=40 + place,
        )
        for place in range(2)
    )
    numbers = iter(range(100, 200))
    return replace(
        report,
        zswap=replace(
            report.zswap,
            **{name: next(numbers) for name in report.zswap.__struct_fields__},
        ),
        driver=replace(
            report.driver,
            **{name: next(numbers) for name in report.driver.__struct_fields__},
        ),
        readahead=ReadaheadReport(swap_ra=next(numbers), swap_ra_hit=next(numbers)),
        devices=(device(3), replace(device(7), wqs=wqs)),
    )


@pytest.fixture(name="json")
def _json() -> dict[str, Any]:
    """Give the report as its JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(distinct()), type=dict[str, Any])


@pytest.fixture(name="files")
def _files() -> dict[str, str]:
    """Give the text of each file by its path."""
    return dict(kernel_files(distinct()))


def pairs(content: str) -> list[tuple[str, str]]:
    """Read all lines of "name: value", as awk -F': ' does."""
    return re.findall(r"^ +(\w+): (\w+)$", content, re.MULTILINE)


def test_zswap_has_a_file_for_each_counter(
    files: dict[str, str], json: dict[str, Any]
) -> None:
    """A number and the end of the line; what cannot happen here is 0."""
    read = {name: files[f"{DEBUGFS}/zswap/{name}"] for name in ZSWAP}
    expected = json["zswap"] | {"reject_kmemcache_fail": 0}

    assert read == {name: f"{expected[name]}\n" for name in ZSWAP}


def test_same_filled_pages_are_told_apart(
    files: dict[str, str], json: dict[str, Any]
) -> None:
    """They are among stored_pages, as in the kernels that had this file."""
    name = "same_filled_pages"

    assert files[f"{DEBUGFS}/zswap/{name}"] == f"{json['zswap'][name]}\n"


def test_global_stats_have_every_name_in_its_order(
    files: dict[str, str],
    json: dict[str, Any],
) -> None:
    """Version 14's total_sw_comp_calls comes between; who knows names misses none."""
    content = files[f"{DEBUGFS}/iaa_crypto/global_stats"]
    read = dict(pairs(content))

    assert content.startswith("global stats:\n  total_comp_calls: ")
    assert content.endswith("\n\n")
    assert {name: int(value) for name, value in read.items()} == json["driver"]
    assert [name for name in read if name != "total_sw_comp_calls"] == GLOBAL
    assert list(read).index("total_sw_comp_calls") == 2


def test_wq_stats_have_a_block_for_each_device(
    files: dict[str, str],
    json: dict[str, Any],
) -> None:
    """Its number is that of its name; its counters are the sums of its queues."""
    blocks = files[f"{DEBUGFS}/iaa_crypto/wq_stats"].split("iaa device:\n")[1:]

    assert len(blocks) == 2
    for block, told in zip(blocks, json["devices"], strict=True):
        head, queues = block.split("  wqs:\n")
        read = dict(pairs(head))
        assert list(read) == DEVICE
        assert f"iax{read['id']}" == told["name"]
        assert int(read["n_wqs"]) == len(told["wqs"])
        for name in DEVICE[2:]:
            assert int(read[name]) == sum(wq[name] for wq in told["wqs"])
        assert queues.endswith("\n\n")
        for queue, wq in zip(queues.split("\n\n")[:-1], told["wqs"], strict=True):
            read = dict(pairs(queue))
            assert list(read) == WQ
            assert read["name"] == wq["configured_name"]
            assert all(int(read[name]) == wq[name] for name in WQ[1:])


def test_device_is_known_by_its_id() -> None:
    """Whatever its place among the devices."""
    report = msgspec.structs.replace(stress_report(), devices=(device(5), device(1)))
    content = dict(kernel_files(report))[f"{DEBUGFS}/iaa_crypto/wq_stats"]

    assert re.findall(r"^  id: (.*)$", content, re.MULTILINE) == ["5", "1"]


def test_vmstat_has_the_lines_that_we_have(
    files: dict[str, str], json: dict[str, Any]
) -> None:
    """A name, a blank, a number."""
    lines = [line.split(" ") for line in files["proc/vmstat"].splitlines()]
    counted = json["zswap"] | json["readahead"]
    counted["zswpwb"] = counted["written_back_pages"]

    assert [name for name, _ in lines] == VMSTAT
    assert {name: int(value) for name, value in lines} == {
        name: counted[name] for name in VMSTAT
    }


def test_text_is_that_of_tail(files: dict[str, str]) -> None:
    """``tail -n +1 FILES``: each file under its name, a blank line between."""
    parts = re.split(r"^==> /(.*) <==\n", text(distinct()), flags=re.MULTILINE)
    paths, contents = parts[1::2], parts[2::2]

    assert parts[0] == ""
    assert paths == list(PATHS) == list(files)
    assert contents[:-1] == [content + "\n" for content in files.values()][:-1]
    assert contents[-1] == files[paths[-1]]
