"""The fields of a payload: what a form shows for each, and how `key=value` texts become values."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel

from qtui_workers.define.payload import secret_fields
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable, size

LARGEST: Final = 64 << 20
"""Bytes that are read of a payload, at most."""
Kind = Literal["text", "integer", "number", "boolean", "choice", "json"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload."""

    name: str
    kind: Kind
    required: bool
    default: Any = None
    """Plain data; None where there is none."""
    description: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False
    """Not to be shown while it is typed, nor repeated."""
    given: str | None = None
    """What a form shows at first in the place of the default; None: the default."""

    @property
    def hint(self) -> str:
        """A few words that say what to type."""
        words = {"text": "text", "integer": "a whole number", "number": "a number", "json": "JSON"}
        kind = " or ".join(self.choices) if self.choices else words.get(self.kind, "yes or no")
        if self.required:
            return kind
        if self.default in (None, ""):
            return f"{kind}, optional"
        return f"{kind}, default {json.dumps(self.default, ensure_ascii=False, default=str)}"

    def parse(self, text: str) -> Any:
        """The value that the text stands for; a text that does not fit is returned as it is, and the payload's model refuses it.

        Raises InvalidInput, with the reason for this field, if the field needs JSON and the text is not JSON.
        """
        if self.kind == "boolean":
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower(), text)
        if self.kind in ("integer", "number"):
            return _number(text)
        if self.kind == "json":
            try:
                return json.loads(text)
            except (ValueError, RecursionError) as error:
                reason = f"is not valid JSON: {error}"
                raise InvalidInput(f"payload field '{printable(self.name, 60)}' {reason}", {self.name: reason}) from error
        return text


def text_of(name: str) -> str:
    """The text of a file, "-": of standard input; raises InvalidInput where it cannot be read, or is longer than `LARGEST`."""
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            return bounded(file.read(LARGEST + 1), name).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {printable(name, 200)}: {getattr(error, 'strerror', None) or error}") from error


def bounded(found: bytes, what: str) -> bytes:
    """The same bytes; raises InvalidInput if they are more than `LARGEST`."""
    if len(found) > LARGEST:
        raise InvalidInput(
            f"{printable(what, 200)} holds more than {size(LARGEST)}: store the data elsewhere, and name the place"
        )
    return found


def parse_json(text: str, what: str) -> Any:
    """The value of a JSON text; raises InvalidInput, which names `what` and the reason, if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} is not valid JSON: {error}") from error


def _number(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def fields_of(model: type[BaseModel]) -> tuple[Field, ...]:
    """The fields of a payload's model, in its order, from its JSON schema."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    properties, secrets = schema.get("properties", {}), secret_fields(model)
    return tuple(_field(name, spec, name in required, schema, name in secrets) for name, spec in properties.items())


def _field(name: str, spec: Mapping[str, Any], required: bool, schema: Mapping[str, Any], secret: bool) -> Field:
    shape = _shape(spec, schema)
    choices = tuple(shape["enum"]) if all(isinstance(c, str) for c in shape.get("enum", [0])) else ()
    kinds: dict[Any, Kind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
    kind: Kind = "choice" if choices else kinds.get(shape.get("type"), "json")
    return Field(name, kind, required, spec.get("default"), spec.get("description", ""), choices, secret)


def _shape(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a field with references resolved, and without the "or null" of an optional field."""
    if "$ref" in spec:
        name = str(spec["$ref"]).rpartition("/")[2]
        return _shape(schema.get("$defs", {}).get(name, {}), schema)
    options = [option for option in spec.get("anyOf", []) if option.get("type") != "null"]
    return _shape(options[0], schema) if len(options) == 1 else spec


def from_pairs(model: type[BaseModel], pairs: list[str]) -> dict[str, Any]:
    """The payload made from `key=value` texts; `key:=JSON` gives any JSON value.

    Raises InvalidInput for a text that is not a pair, or for invalid JSON. Unknown names are kept; the model refuses them.
    """
    known = {field.name: field for field in fields_of(model)}
    payload: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip(":"):
            raise InvalidInput(f"'{printable(pair, 60)}' is neither key=value nor JSON: write a field's name, = and its value")
        if name.endswith(":"):
            payload[name[:-1]] = Field(name[:-1], "json", required=True).parse(text)
        else:
            payload[name] = known[name].parse(text) if name in known else text
    return payload
