"""What `@processor` makes of a function, and where processors are found."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretBytes, SecretStr

from qtui_workers import Payload, processor
from qtui_workers.define import discovery
from qtui_workers.define.payload import to_json
from qtui_workers.errors import InvalidInput, NotFound


class Resize(Payload):
    width: int = Field(ge=1, le=100)
    name: str = "picture"
    ratio: float = 1.0


class Resized(BaseModel):
    area: int


@processor(queue="images", attempts=3, timeout=10)
def resize(payload: Resize) -> Resized:
    """Resizes a picture.

    More about it.
    """
    return Resized(area=payload.width**2)


class Measured(BaseModel):
    numbers: list[float]
    secret: SecretStr = SecretStr("s")


@processor()
def measure(_: Payload) -> Measured:
    return Measured(numbers=[float("nan"), float("inf"), 1e22])


@processor()
def careless(payload: Resize) -> Resized:
    return payload  # type: ignore[return-value]  # the mistake under test


def test_the_decorator_makes_a_typed_processor() -> None:
    assert (resize.name, resize.path) == ("resize", "tests.workers.test_processor.resize")
    assert (resize.payload, resize.result, resize.queue) == (Resize, Resized, "images")
    assert resize.summary == "Resizes a picture."
    assert resize.options.attempts == 3
    assert resize.options.timeout == timedelta(seconds=10)


def test_called_as_rq_does_it_validates_and_returns_plain_data() -> None:
    assert resize(width=3) == {"area": 9}
    with pytest.raises(InvalidInput):
        resize(width="wide")


def test_a_number_that_json_does_not_have_is_null_in_a_result_and_in_a_payload() -> None:
    assert measure() == {"numbers": [None, None, 1e22], "secret": "**********"}
    assert to_json(Measured(numbers=[float("nan")], secret=SecretStr("s")), {"secret"}) == b'{"numbers": [null], "secret": "s"}'


def test_a_result_of_another_type_is_an_error() -> None:
    with pytest.raises(TypeError, match="careless must return a Resized, not Resize"):
        careless(width=3)


def test_a_processor_called_with_its_payload_returns_its_result_as_a_test_wants_it() -> None:
    assert resize(Resize(width=3)) == Resized(area=9)


@pytest.mark.parametrize(("given", "fields"), [([{"width": 3}], {}), ([Resize(width=3)], {"width": 3})])
def test_a_processor_is_called_with_one_model_or_with_fields(given: list[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="call resize with one Resize, or with its fields by their names"):
        resize(*given, **fields)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({}, "payload field 'width': is required"),
        ({"width": 0}, "payload field 'width': must be at least 1"),
        ({"width": 101}, "payload field 'width': must be at most 100"),
        ({"width": "x"}, "payload field 'width': must be a valid integer, unable to parse string as an integer"),
        ({"width": 1, "nmae": "x"}, "payload field 'nmae': there is no such field; did you mean 'name'?"),
        ({"width": 1, "ratio": float("inf")}, "payload field 'ratio': must be a finite number"),
        ([1], "payload: must be an object of fields and values"),
    ],
)
def test_a_bad_payload_is_reported_by_field_and_reason(payload: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        resize.validate(payload)
    assert str(refusal.value) == sentence


def test_every_bad_field_has_its_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"'width': must be at least 1; .*'\\?␛?.*\bthere is no such field"):
        resize.validate({"width": 0, "\x1b[2J": 1})


def test_the_reasons_are_known_by_field() -> None:
    with pytest.raises(InvalidInput) as refusal:
        resize.validate({"width": 0, "nmae": "x"})
    assert refusal.value.fields == {
        "width": "must be at least 1",
        "nmae": "there is no such field; did you mean 'name'?",
    }
    with pytest.raises(InvalidInput) as refusal:
        resize.validate([1])
    assert refusal.value.fields == {"": "must be an object of fields and values"}


def no_annotation(payload):
    return payload


def no_model(payload: int) -> Resized:
    return Resized(area=payload)


def no_result(payload: Resize):
    return payload


def two_parameters(payload: Resize, other: int) -> Resized:
    return Resized(area=other)


@pytest.mark.parametrize("function", [no_annotation, no_model, no_result, two_parameters])
def test_misuse_of_the_decorator_is_reported_at_import(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__}.*pydantic model|pydantic model"):
        processor()(function)


def test_the_bundled_processors_are_found() -> None:
    assert {"report", "test_job"} <= set(discovery.discover().processors)
    assert list(discovery.discover().processors) == sorted(discovery.discover().processors)


def test_an_unknown_processor_is_reported_with_near_names() -> None:
    with pytest.raises(NotFound, match="there is no processor 'tst_job': did you mean test_job"):
        discovery.get("tst_job")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes modules of a package, and names it in QTUI_PROCESSORS."""
    name = f"found_{tmp_path.name}".replace("-", "_")
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("QTUI_PROCESSORS", name)

    def write(**modules: str) -> None:
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(textwrap.dedent(text))

    return write


MODULE = """
    from qtui_workers import Payload, processor
    from qtui_workers.processors.report import report
    class Nothing(Payload): pass
    @processor({arguments})
    def {name}(payload: Nothing) -> Nothing: return payload
"""


def test_a_module_dropped_into_a_named_package_is_found(package: Callable[..., None]) -> None:
    package(one=MODULE.format(name="one", arguments=""), two=MODULE.format(name="other", arguments="name='two'"))
    assert {"one", "two", "report"} <= set(discovery.discover().processors)


def test_a_module_that_cannot_be_imported_is_named_and_leaves_the_others(package: Callable[..., None]) -> None:
    package(good=MODULE.format(name="good", arguments=""), bad="raise RuntimeError('no luck')")
    found = discovery.discover()
    assert "good" in found.processors
    [(module, reason)] = found.broken.items()
    assert module.endswith(".bad")
    assert reason == "RuntimeError: no luck"
    with pytest.raises(NotFound, match="no luck"):
        discovery.get("bad")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("limit=5", "limit must be a Limit, such as Limit(max=5, per=60), not 5"),
        ("backoff=3", "'3' is not a backoff"),
        ("queue=7", "queue name '7' is not allowed"),
        ("queue='two words'", "queue name 'two words' is not allowed"),
        ("name=7", "name must be a text, not 7"),
        ("priority='urgent'", "priority must be high, normal or low, not 'urgent'"),
        ("attempts='3'", "attempts must be a whole number, not '3'"),
        ("keep_failed=-1", "keep_failed must be from 0 to"),
        ("concurrency=1.5", "concurrency must be a whole number, not 1.5"),
        ("delay='soon'", "'soon' is not a length of time"),
        ("webhooks=['https://example.org']", "webhooks must be a list of rq.Webhook"),
        ("every='often'", "'often' is not a length of time"),
    ],
)
def test_an_option_that_cannot_be_accepted_breaks_its_module_only(
    package: Callable[..., None], arguments: str, reason: str
) -> None:
    package(bad=MODULE.format(name="bad", arguments=arguments))
    found = discovery.discover()
    [told] = found.broken.values()
    assert reason in told
    assert "report" in found.processors


def test_two_processors_of_one_name_are_an_error(package: Callable[..., None]) -> None:
    package(one=MODULE.format(name="report", arguments=""))
    with pytest.raises(InvalidInput, match="two processors are named 'report'"):
        discovery.discover()


class Sealed(Payload):
    pin: SecretStr
    key: SecretBytes | None = None
    name: str = ""


class Opened(BaseModel):
    length: int


@processor()
def opens(payload: Sealed) -> Opened:
    return Opened(length=len(payload.pin.get_secret_value()))


@pytest.mark.parametrize("key", [None, 'k"ey'])
def test_a_job_gets_its_secrets_whole(key: str | None) -> None:
    written = opens.to_json(opens.validate({"pin": "1234", "key": key, "name": "ü"}))
    assert json.loads(written) == {"pin": "1234", "key": key, "name": "ü"}
    assert opens(**json.loads(written)) == {"length": 4}
