"""Why pydantic does not accept a value: as data, and as sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core.core_schema import CoreSchema, no_info_plain_validator_function

from qtui_workers.errors import InvalidInput
from qtui_workers.naming import suggestion
from qtui_workers.text import printable

_OTHER_VERSION: Final = {
    "extra_forbidden",
    "missing",
    "literal_error",
    "enum",
    "union_tag_invalid",
    "union_tag_not_found",
}
"""The kinds of errors that a valid value of another version of the model has: a name or a choice that is not known here."""


def invalid(
    error: ValidationError,
    sentence: Callable[[str, str], str] = "{}: {}".format,
    *,
    known: Collection[str] | None = None,
) -> InvalidInput:
    """The InvalidInput for what pydantic does not accept: a sentence for each field, and the reasons by field.

    `sentence` makes a sentence of a field (`a.b` for one inside another, '' for the whole value) and its reason. `known` are
    the names that are suggested in place of one that does not exist.
    """
    sentences: list[str] = []
    reasons: dict[str, str] = {}
    foreign = False
    for each in error.errors(include_url=False, include_input=False):
        foreign = foreign or each["type"] in _OTHER_VERSION
        field, why = _field_of(each), _reason(each, known)
        sentences.append(sentence(field, why))
        outer, *inner = each["loc"] or ("",)
        reasons.setdefault(str(outer), f"{'.'.join(map(str, inner))}: {why}" if inner else why)
    return InvalidInput("; ".join(sentences), reasons, other_version=foreign)


def _reason(error: Mapping[str, Any], known: Collection[str] | None = None) -> str:
    """The reason, worded to follow the name of the field; `error` is one of `pydantic.ValidationError.errors()`."""
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            hint = "" if known is None else f"; {suggestion(_field_of(error), known, 'fields')}"
            return f"there is no such field{hint}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "model_type" | "dict_type":
            return "must be an object of fields and values"
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return printable(message.replace("Input should", "must").replace("String should", "must"), 300)


def _field_of(error: Mapping[str, Any]) -> str:
    """The field as people write it, `a.b` for one inside another; '' for the whole value."""
    return printable(".".join(str(part) for part in error["loc"]), 60)


@dataclass(frozen=True, slots=True)
class Checked:
    """An annotation of a field: its value is what `check` returns; `check` raises ValueError with the reason.

    Like pydantic's PlainValidator, but without a schema of the type itself: making one of a dataclass would only take time.
    """

    check: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_plain_validator_function(self.check)


def whole(value: Any, *, least: int = 0, most: int = 2**31) -> int:
    """The value, if it is a whole number within the bounds; else raises InvalidInput, worded to follow a name."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"must be a whole number, not {printable(repr(value), 40)}")
    if not least <= value <= most:
        raise InvalidInput(f"must be from {least} to {most:,}, not {value}")
    return value
