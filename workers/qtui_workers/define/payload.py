"""Payloads: the base class of their models, how data becomes one, and how one is written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from qtui_workers.validation import invalid

M = TypeVar("M", bound=BaseModel)


class Payload(BaseModel):
    """The input of a processor: it accepts no unknown fields, no infinite numbers and no NaN, and cannot be changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def validate(model: type[M], payload: Mapping[str, Any] | BaseModel | None, what: str = "payload") -> M:
    """The payload as an instance of the model.

    Raises InvalidInput where it does not fit: a sentence for each bad field, and the reasons by field. The sentences call the
    payload `what`.
    """
    if isinstance(payload, model):
        return payload
    data = payload.model_dump() if isinstance(payload, BaseModel) else payload
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:

        def sentence(field: str, reason: str) -> str:
            return f"{what} field '{field}': {reason}" if field else f"{what}: {reason}"

        raise invalid(error, sentence, known=model.model_fields) from None


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of the fields that are declared as pydantic's SecretStr or SecretBytes, optional ones too."""
    return frozenset(name for name, field in model.model_fields.items() if _is_secret(field.annotation))


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(map(_is_secret, get_args(annotation)))


def to_json(payload: BaseModel, secrets: Set[str]) -> bytes:
    """A payload as the JSON that the job receives; secret fields are readable, where pydantic would write asterisks.

    A field that was not set is not written: an older worker may not know it, and a newer one may have another default. What a
    factory has made for this payload (`default_factory`) is written, so that all attempts receive the same. Where fields that
    were not set are needed to recognize what a field holds, that field is written whole.
    """
    made, whole = _written_unset(type(payload))
    if not secrets and not made and not whole:
        return payload.model_dump_json(exclude_unset=True).encode()
    plain = as_json(payload, exclude_unset=True)
    more = (whole & plain.keys()) | made
    if more:
        plain |= as_json(payload, include=set(more))
    plain |= {name: _revealed(getattr(payload, name)) for name in secrets & plain.keys()}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()


def as_json(model: BaseModel, **which: Any) -> Any:
    """A model as plain JSON data, with null in place of NaN and of infinite numbers, which JSON does not have.

    `which` are arguments of `model_dump_json` that say which fields.
    """
    return from_json(model.model_dump_json(**which), allow_inf_nan=False)


def _revealed(secret: SecretStr | SecretBytes | None) -> str | None:
    value = secret.get_secret_value() if secret is not None else None
    return value.decode() if isinstance(value, bytes) else value


@cache
def _written_unset(model: type[BaseModel]) -> tuple[frozenset[str], frozenset[str]]:
    """The fields of a model whose values a factory makes, and those that are written whole.

    These contain a choice of models, which may be recognized by a field with a default, or a model with a factory.
    """
    fields = model.model_fields.items()
    made = frozenset(name for name, field in fields if _is_made(field))
    return made, frozenset(name for name, field in fields if _needs_all(field.annotation, {model}))


def _is_made(field: FieldInfo) -> bool:
    """Whether a factory makes the value, so that it may be another each time."""
    return field.default_factory is not None and field.default_factory not in (list, dict, set, frozenset, tuple)


def _needs_all(annotation: Any, known: set[Any]) -> bool:
    if get_origin(annotation) in (Union, UnionType) and sum(map(_holds_a_model, get_args(annotation))) > 1:
        return True
    if not _is_model(annotation):
        return any(_needs_all(part, known) for part in get_args(annotation))
    if annotation in known:
        return False
    known.add(annotation)
    fields = annotation.model_fields.values()
    return any(_is_made(field) or _needs_all(field.annotation, known) for field in fields)


def _holds_a_model(annotation: Any) -> bool:
    return _is_model(annotation) or any(map(_holds_a_model, get_args(annotation)))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
