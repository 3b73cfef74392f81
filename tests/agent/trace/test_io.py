from __future__ import annotations

from agent.bpf.io_counts import (
    BUCKETS,
    SIZES,
    Device,
    File,
    IoSum,
    IoTimes,
    ProcessIo,
    Stream,
    StreamCounts,
)
from agent.trace.io import Requests, document, headline, since, table, together

VDA, VDB = Device(254, 0), Device(254, 16)
ROOT = Device(254, 1)
DISKS = {VDA: "vda"}
READ = Stream(VDA, "read")


def stream(requests: int, size: int, ns: int, errors: int = 0) -> StreamCounts:
    sizes, latency = [0] * SIZES, [0] * BUCKETS
    sizes[3] = latency[17] = requests
    return StreamCounts(size, errors, ns, tuple(sizes), tuple(latency))


def counts(requests: int, size: int = 4096) -> IoTimes:
    of = IoSum(requests, requests * size, 0, requests * 200_000)
    return IoTimes(
        {READ: stream(requests, requests * size, requests * 200_000)},
        {41: ProcessIo("dd", of)},
        {File("file", ROOT, 7, "data.db"): of},
    )


def test_a_containers_cgroups_are_added_up() -> None:
    total = together([counts(101), counts(7)], files=True)
    assert total == counts(108)
    assert together([], files=False) == IoTimes(files=None)
    assert together([IoTimes(files=None)], files=False).files is None


def test_only_what_happened_since_is_left() -> None:
    old = Requests(counts(101), DISKS)
    new = Requests(
        IoTimes(
            {**counts(101).streams, Stream(VDB, "write"): stream(3, 12_288, 900_000, 1)},
            counts(108).processes,
            counts(101).files,
        ),
        DISKS,
    )
    changed = since(new, old).counts
    assert changed.streams == {Stream(VDB, "write"): stream(3, 12_288, 900_000, 1)}
    assert changed.processes == {41: ProcessIo("dd", IoSum(7, 7 * 4096, 0, 1_400_000))}
    assert changed.files == {}


def busy() -> Requests:
    files = {
        File("file", ROOT, 7, "data.db"): IoSum(101, 413_696, 0, 20_200_000),
        File("file", ROOT, 8, "data.db"): IoSum(2, 0, 8192, 400_000),
        File("none", Device(0, 0), 0, ""): IoSum(61, 0, 249_856, 61_000_000),
        File("device", Device(0, 0), 0, ""): IoSum(1, 4096, 0, 100_000),
        File("file", ROOT, 9, ""): IoSum(1, 4096, 0, 90_000),
        File("file", ROOT, 10, "a\nvery-long-name-of-a-file.sqlite3-wal"): IoSum(1, 1, 0, 80_000),
    }
    return Requests(
        IoTimes(
            {
                READ: stream(101, 413_696, 20_200_000),
                Stream(VDB, "write"): stream(61, 249_856, 61_000_000, 2),
            },
            {
                41: ProcessIo("dd", IoSum(101, 413_696, 0, 20_200_000)),
                0: ProcessIo("", IoSum(61, 0, 249_856, 61_000_000)),
            },
            files,
        ),
        DISKS,
    )


def test_the_table_says_which_disk_who_and_which_file_slowest_first() -> None:
    lines = table(busy())
    assert lines == [
        "DISK    OP     REQUESTS  BYTES   EACH    AVG    P50    P90    P99  ERRORS",
        "vda     read        101   404K  4.00K  200us  197us  249us  261us       0",
        "254:16  write        61   244K  4.00K  1.0ms  197us  249us  261us       2",
        "",
        "PROCESS                         REQUESTS     READ  WRITTEN    TIME     AVG",
        "(kernel threads)                      61        0     244K    61ms   1.0ms",
        "dd 41                                101     404K        0    20ms   200us",
        "",
        "FILE                            REQUESTS     READ  WRITTEN    TIME     AVG",
        "(no file: direct, swap, trim)         61        0     244K    61ms   1.0ms",
        "data.db                              103     404K    8.00K    21ms   200us",
        "(the filesystem's own)                 1    4.00K        0   100us   100us",
        "(inode 9)                              1    4.00K        0    90us    90us",
        "a?very-long-name-of-a-file.sq…         1        1        0    80us    80us",
    ]
    assert max(map(len, lines)) <= 80
    assert headline(busy(), 2.0) == "81 requests/s, 202K/s read, 122K/s written"


def test_a_second_shows_the_slowest_alone() -> None:
    many = {pid: ProcessIo("worker", IoSum(1, 1, 0, 1000 * pid)) for pid in range(1, 12)}
    lines = table(Requests(IoTimes({}, many, None), DISKS), 16)
    assert lines[2].startswith("PROCESS")
    assert lines[3].startswith("worker 11")
    assert lines[-1] == "and 5 more"
    assert len(lines) == 10
    assert "and" not in table(Requests(IoTimes({}, many, None), DISKS))[-1]


def test_nothing_is_a_table_without_rows() -> None:
    assert len(table(Requests())) == 1
    assert headline(Requests(), 1.0) == "0 requests/s, 0/s read, 0/s written"


def test_json_has_base_units_and_files_that_are_not_told_are_null() -> None:
    shown = document(busy())
    (read, write) = shown["devices"]
    assert (read["device"], read["operation"], read["requests"]) == ("vda", "read", 101)
    assert (read["bytes"], read["seconds"], read["sizes"]) == (413_696, 0.0202, {"4096": 101})
    assert read["latency_p50_seconds"] is not None
    assert 2**17 < read["latency_p50_seconds"] * 1e9 < 2**18
    assert (write["device"], write["errors"]) == ("254:16", 2)
    assert [row["pid"] for row in shown["processes"]] == [0, 41]
    assert shown["files"] is not None
    assert {"kind": "file", "name": "data.db", "inode": 7, "device": "254:1"}.items() <= (
        next(row for row in shown["files"] if row["inode"] == 7).items()
    )
    assert document(Requests(IoTimes(files=None)))["files"] is None
