"""The payload reader: reads what Python and RQ write, runs nothing, and ends on anything."""

from __future__ import annotations

import collections
import json
import math
import pickle
import warnings
import zlib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rq.job import Job
from rq.serializers import JSONSerializer

from qtui_workers.reading import pickle_reader, plain_data
from qtui_workers.reading.stored_payload import MAX_BYTES, PREFIX, decode, function_name, job_call
from tests.broker.seed import RunsACommand

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=100)
keys = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner) | st.frozensets(scalars),
    max_leaves=30,
)


def _plain(value: Any) -> Any:
    """What `decode` is to make of a Python value."""
    match value:
        case bool() | None | str() | int():
            return value
        case float():
            if math.isfinite(value):
                return value
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                more = "…" if len(value) > 32 else ""
                return f"<{len(value):,} bytes: {value[:32].hex()}{more}>"
        case dict():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case frozenset():
            return sorted((_plain(item) for item in value), key=repr)
        case _:
            return [_plain(item) for item in value]


@given(values, st.sampled_from(PROTOCOLS), st.booleans())
def test_plain_data_reads_as_pickle_reads_it(value: Any, protocol: int, packed: bool) -> None:
    raw = pickle.dumps(value, protocol)
    found = decode(zlib.compress(raw) if packed else raw)
    assert (found.value, found.kind, found.problem) == (_plain(pickle.loads(raw)), "pickle", None)


@given(values.map(_plain))
def test_json_reads_as_json(value: Any) -> None:
    found = decode(json.dumps(value).encode())
    assert (found.value, found.kind) == (value, "json")


@given(st.binary() | st.binary().map(lambda tail: b"\x80\x04" + tail) | st.binary().map(zlib.compress))
def test_any_bytes_give_plain_data_and_no_exception(raw: bytes) -> None:
    json.dumps(decode(raw).value)
    json.dumps(job_call(raw).args)
    assert function_name(raw) is None or isinstance(function_name(raw), str)


@given(values, st.sampled_from(PROTOCOLS), st.data())
def test_a_damaged_pickle_gives_plain_data_and_no_exception(value: Any, protocol: int, data: st.DataObject) -> None:
    raw = bytearray(pickle.dumps(value, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    json.dumps(decode(bytes(raw)).value)


@pytest.mark.parametrize("action", ["error", "ignore"])
def test_a_pickle_with_an_escape_that_python_does_not_know_is_damaged(action: Literal["error", "ignore"]) -> None:
    with warnings.catch_warnings(action=action):
        assert decode(b"\x80\x02]S'\\q'\na.").value == ([] if action == "error" else ["\\q"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_would_run_a_command_runs_nothing(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "it ran"
    raw = pickle.dumps(("f", None, (RunsACommand(f"touch '{mark}'"),), {}), protocol)
    call = job_call(zlib.compress(raw))
    assert call.args == [{"__object__": "posix.system", "args": [f"touch '{mark}'"]}]
    assert not mark.exists()
    pickle.loads(raw)
    assert mark.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2024, 2, 29, 13, 5, 6, 7), "2024-02-29T13:05:06.000007"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00+00:00"),
        (datetime(2024, 2, 29, 1, fold=1, tzinfo=timezone(timedelta(hours=-5))), "2024-02-29T01:00:00-05:00"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 1, 1, 3, 4, 5).time(), "03:04:05"),
        (timedelta(days=2, seconds=3), "2 days, 0:00:03"),
        (Decimal("1.20"), "1.20"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ({1}, [1]),
        (frozenset({1}), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.deque([1, 2], 5), [1, 2]),
        (1 + 2j, "(1+2j)"),
        (b"text", "text"),
        (b"", ""),
        (b"\xff\x00", "<2 bytes: ff00>"),
        (bytearray(b"text"), "text"),
        (PurePosixPath("/a/b"), "/a/b"),
        (PureWindowsPath("c:/a"), "c:\\a"),
        (Path("/a/b"), "/a/b"),
        (len, {"__object__": "builtins.len"}),
        (range(3), {"__object__": "builtins.range", "args": [0, 3, 1]}),
    ],
)
def test_common_objects_are_readable(value: object, expected: object, protocol: int) -> None:
    found = json.dumps(decode(pickle.dumps(value, protocol)).value)
    assert found.replace("builtins.xrange", "builtins.range") == json.dumps(expected)


def test_a_set_is_shown_in_order() -> None:
    assert decode(pickle.dumps({"c", "a", "b"})).value == ["a", "b", "c"]


class Order:
    def __init__(self) -> None:
        self.number = 7


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unknown_class_is_named_with_its_state(protocol: int) -> None:
    expected = {"__object__": f"{__name__}.Order", "state": {"number": 7}}
    assert decode(pickle.dumps(Order(), protocol)).value == expected


def test_a_known_class_in_a_shape_that_python_does_not_write_is_shown_as_it_is() -> None:
    raw = b"cdatetime\ndate\n(S'x'\ntR."
    assert decode(raw).value == {"__object__": "datetime.date", "args": ["x"]}


def test_a_list_that_contains_itself_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert decode(pickle.dumps(loop)).value == [1, plain_data.AGAIN]


def test_a_billion_laughs_are_cut() -> None:
    laughs: Any = "lol"
    for _ in range(40):
        laughs = [laughs] * 10
    found = decode(pickle.dumps(laughs))
    assert found.truncated
    assert len(json.dumps(found.value)) < 1_000_000


def test_deep_nesting_is_cut() -> None:
    deep = b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."
    assert decode(deep).truncated
    assert decode(b"[" * 100_000 + b"]" * 100_000).value


def test_a_zlib_bomb_is_cut_and_says_so() -> None:
    found = decode(zlib.compress(b"a" * 20_000_000))
    assert found.truncated
    assert found.problem == f"only the first {MAX_BYTES:,} bytes were read"


def test_compressed_data_that_ends_too_early_shows_what_there_is() -> None:
    found = decode(zlib.compress(pickle.dumps(list(range(5_000))))[:-100])
    assert found.problem == "the compressed data ends too early"
    assert found.value[0][:3] == [0, 1, 2]


def test_a_huge_integer_is_a_placeholder() -> None:
    assert decode(pickle.dumps(1 << 100_000)).value == "an integer of 100,001 bits"


def test_a_truncated_pickle_shows_what_there_is() -> None:
    raw = pickle.dumps(["a", "b" * 100])
    found = decode(raw[:-20])
    assert found.problem is not None
    assert "damaged or cut" in found.problem
    assert "a" in json.dumps(found.value)


def test_a_very_long_pickle_is_read_up_to_a_bound() -> None:
    found = decode(pickle.dumps([[]] * 300_000))
    assert found.truncated
    assert f"{pickle_reader.MAX_OPCODES:,}" in (found.problem or "")


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        (b"", "text", ""),
        (b"plain words.", "text", "plain words."),
        (b"\xff\xfe", "bytes", "<2 bytes: fffe>"),
        (b"x\x9cnot zlib", "bytes", "<10 bytes: 789c6e6f74207a6c6962>"),
        (b"[1, 2", "text", "[1, 2"),
        (b"12", "json", 12),
        (b'{"a": NaN}', "json", {"a": "NaN"}),
    ],
)
def test_other_bytes_are_kept_apart(raw: bytes, kind: str, value: object) -> None:
    found = decode(raw)
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("packed", [True, False])
def test_the_function_is_read_from_the_first_bytes(protocol: int, packed: bool) -> None:
    name = "päckage.módule.function"
    raw = pickle.dumps((name, None, ("x" * 100_000,), {}), protocol)
    raw = zlib.compress(raw) if packed else raw
    assert function_name(raw[:PREFIX]) == name


def test_the_function_of_what_rq_writes_is_read() -> None:
    for serializer in (None, JSONSerializer):
        nobody: Any = object()  # no server is asked
        job = Job.create("shop.pay", args=(1,), kwargs={"to": "ada"}, connection=nobody, serializer=serializer)
        data = job.to_dict()["data"]
        assert function_name(data[:PREFIX]) == "shop.pay"
        call = job_call(data)
        assert (call.function, call.args, call.kwargs) == ("shop.pay", [1], {"to": "ada"})


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"\x80\x04N.", b"garbage", zlib.compress(b"\xff")])
def test_no_function_is_none(raw: bytes) -> None:
    assert function_name(raw) is None


def test_what_is_no_call_is_kept_whole() -> None:
    call = job_call(b'{"a": 1}')
    assert (call.function, call.args, call.kwargs, call.decoded.value) == (None, [], {}, {"a": 1})
