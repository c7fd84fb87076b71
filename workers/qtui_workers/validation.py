"""Why pydantic refused a value, in the words of this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtui_workers.text import printable


def reason(error: Mapping[str, Any]) -> str:
    """What is wrong, as it goes after the name of the field; `error` is one of `pydantic.ValidationError.errors()`."""
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "there is no such field"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "model_type" | "dict_type":
            return "must be an object of fields and values"
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return printable(message.replace("Input should", "must").replace("String should", "must"), 300)


def field_of(error: Mapping[str, Any]) -> str:
    """The field as people write it, `a.b` for one inside another; '' for the whole."""
    return ".".join(str(part) for part in error["loc"])
