"""RQ's stored formats: read and written as RQ does, within bounds, and never raising at what is not one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import utcformat, utcparse

from qtui_workers.server import rq_format
from qtui_workers.server.rq_format import (
    compress,
    decompress,
    format_result,
    format_time,
    format_traceback,
    parse_count,
    parse_datetime,
    parse_int,
    parse_number,
    parse_result,
    parse_time,
    parse_traceback,
)

MOMENT = datetime(2026, 1, 31, 23, 59, 0, 120_000, UTC)
LIMIT = 100_000
BOMB = zlib.compress(bytes(50_000_000))

moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))
texts = st.text(st.characters(exclude_categories=["Cs"]))


def test_reading_these_formats_imports_neither_rq_nor_pickle() -> None:
    python = f"import sys; sys.modules['pickle'] = sys.modules['rq'] = None; import {rq_format.__name__}"
    subprocess.run([sys.executable, "-c", python], check=True)


@given(moments)
def test_times_are_written_and_read_as_rq_does(moment: datetime) -> None:
    text = utcformat(moment)
    assert format_time(moment.timestamp()) == text
    assert parse_datetime(text) == parse_datetime(text.encode()) == utcparse(text) == moment
    assert parse_time(text) == moment.timestamp()
    assert format_time(parse_time(text) or 0) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T23:59:00.120000Z",
        "2026-01-31T23:59:00.120000",
        "2026-01-31T23:59:00.12Z",
        "2026-01-31T23:59:00.120+00:00",
        "2026-02-01T01:59:00.120000+02:00",
        "2026-01-31 23:59:00.120000",
    ],
)
def test_a_time_without_a_zone_is_in_utc_and_one_with_a_zone_becomes_so(text: str) -> None:
    found = parse_datetime(text)
    assert (found, found and found.tzinfo) == (MOMENT, UTC)


def test_a_time_without_a_fraction_is_read_as_rq_reads_those_of_its_older_versions() -> None:
    text = "2026-01-31T23:59:00Z"
    assert parse_datetime(text) == utcparse(text) == datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        *(None, "", b"", b"soon", "12", b"2026-13-01T00:00:00Z", b"\xff\xfe", "2026-01-31T23:59:00é"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00", b"2026-01-31T23:59:00." + b"0" * 100 + b"Z"),
    ],
)
def test_what_is_no_time_is_none(raw: Any) -> None:
    assert parse_datetime(raw) is None
    assert parse_time(raw) is None


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_the_zone_of_this_machine_has_no_part_in_it() -> None:
    assert parse_datetime("2026-01-31T23:59:00.120000") == MOMENT
    assert format_time(MOMENT.timestamp()) == utcformat(MOMENT)


@given(st.integers(-(10**30), 10**30))
def test_whole_numbers_are_read(number: int) -> None:
    assert parse_int(str(number)) == parse_int(str(number).encode()) == number
    assert parse_number(str(number)) == float(number)
    assert parse_count(str(number)) == (number if 0 <= number < 1_000_000_000 else None)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_redis_and_rq_write_them(number: float) -> None:
    assert parse_number(repr(number).encode()) == number


@pytest.mark.parametrize("raw", [None, "", b"", b"abc", b"nan", b"inf", "-Infinity", b"\xff", b"9" * 5_000, "1e999"])
def test_what_is_no_finite_number_is_none(raw: Any) -> None:
    assert (parse_number(raw), parse_int(raw), parse_count(raw)) == (None, None, None)


@pytest.mark.parametrize("raw", [b"-1", b"+1", b" 1", b"1_0", "٣", b"1.0", "1e3"])
def test_a_count_is_plain_digits(raw: Any) -> None:
    assert parse_count(raw) is None


@given(st.binary() | st.binary(min_size=2_000, max_size=5_000))
def test_what_is_compressed_is_read_back_by_us_and_by_rq(data: bytes) -> None:
    assert decompress(compress(data), LIMIT) == (data, None)
    assert decompress(zlib.compress(data), LIMIT) == (data, None)
    assert zlib.decompress(compress(data)) == data


def test_the_data_of_a_job_is_read_as_rq_writes_it() -> None:
    job = Job.create("my_app.send", args=(1,), kwargs={"to": "x"}, connection=redis.Redis(), serializer=JSONSerializer)
    data, missing = decompress(job.to_dict()["data"], LIMIT)
    assert (json.loads(data), missing) == (["my_app.send", None, [1], {"to": "x"}], None)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"x\x9c" + rest))
def test_any_bytes_decompress_to_something(raw: bytes) -> None:
    data, _ = decompress(raw, 100)
    assert len(data) <= 100


@given(
    st.binary(max_size=3_000) | st.integers(0, 5_000).map(bytes),
    st.sampled_from([zlib.compress, compress]),
    st.integers(0, 40),
    st.integers(1, 4_000_000),
    st.binary(max_size=3),
)
def test_what_is_decompressed_at_once_is_what_a_stream_gives(
    data: bytes, pack: Callable[[bytes], bytes], cut: int, limit: int, rest: bytes
) -> None:
    packed = pack(data)
    stored = packed[: len(packed) - cut] + rest
    stream = zlib.decompressobj()
    try:
        read = stream.decompress(stored, limit) if len(stored) > 1 else None
    except zlib.error:
        read = None
    if read is not None and len(read) < limit:
        assert decompress(stored, limit) == (read, None if stream.eof else "not stored")


@pytest.mark.parametrize("raw", [b"", b"x", b"plain", b'["f", null]', b"x\x9cno zlib at all", b"\x80\x05K\x01."])
def test_what_is_not_compressed_is_given_as_it_is(raw: bytes) -> None:
    assert decompress(raw, LIMIT) == (raw, None)


def test_what_is_missing_is_said() -> None:
    whole = zlib.compress(bytes(range(256)) * 100)
    assert decompress(whole, 10) == (bytes(range(10)), "beyond the limit")
    assert decompress(b"plain text", 5) == (b"plain", "beyond the limit")
    data, missing = decompress(whole[:-20], LIMIT)
    assert data.startswith(bytes(range(200)))
    assert missing == "not stored"


@pytest.mark.parametrize(
    "read",
    [lambda: decompress(BOMB, LIMIT), lambda: parse_traceback(b64encode(BOMB), LIMIT)],
)
def test_a_bomb_takes_no_more_memory_than_allowed(read: Any) -> None:
    read()
    tracemalloc.start()
    try:
        read()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def _stored(**given: Any) -> dict[str, Any]:
    """A result as RQ stores it."""
    return Result("job", Result.Type.FAILED, redis.Redis(), serializer=JSONSerializer, **given).serialize()


@given(texts.filter(bool))
def test_tracebacks_are_written_and_read_as_rq_does(text: str) -> None:
    stored = _stored(exc_string=text)["exc_string"].encode()
    assert format_traceback(text) == stored
    assert parse_traceback(stored, LIMIT) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists).filter(lambda value: value is not None))
def test_results_are_written_and_read_as_rq_does(value: Any) -> None:
    serialized = JSONSerializer.dumps(value)
    stored = _stored(return_value=value)["return_value"].encode()
    assert format_result(serialized) == stored
    assert parse_result(stored) == serialized


@pytest.mark.parametrize("read", [parse_result, lambda raw: parse_traceback(raw, LIMIT)])
def test_a_result_that_is_not_there_is_none(read: Any) -> None:
    assert read(None) is None
    assert read(b"") is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_a_result(raw: bytes) -> None:
    parse_result(raw)
    text = parse_traceback(raw, 100)
    assert (text is None) == (not raw)


def test_a_cut_result_gives_what_is_left_of_it() -> None:
    stored = format_traceback("".join(f"line {number}\n" for number in range(1_000)))
    found = parse_traceback(stored[:1_001], LIMIT)
    assert found is not None
    assert found.startswith("line 0\nline 1\n")
    assert parse_result(b64encode(b"a long result")[:-3]) == b"a long resul"


def test_a_traceback_that_rq_did_not_write_is_read_as_text() -> None:
    assert parse_traceback(b"ValueError: plain", LIMIT) == "ValueError: plain"
    assert parse_traceback(b"x" * 10, 5) == "xxxxx"
    assert format_traceback("\ud800") == format_traceback("?")
