"""Payloads: the base class of their models, how data becomes one, and how one is written as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
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


def to_json(payload: BaseModel, secrets: Collection[str]) -> bytes:
    """A payload as the JSON that the job receives; secret fields are readable, where pydantic would write asterisks."""
    if not secrets:
        return payload.model_dump_json().encode()
    revealed = {name: _revealed(getattr(payload, name)) for name in secrets}
    return json.dumps(as_json(payload) | revealed, ensure_ascii=False, allow_nan=False).encode()


def as_json(model: BaseModel) -> Any:
    """A model as plain JSON data, with null in place of NaN and of infinite numbers, which JSON does not have."""
    return from_json(model.model_dump_json(), allow_inf_nan=False)


def _revealed(secret: SecretStr | SecretBytes | None) -> str | None:
    value = secret.get_secret_value() if secret is not None else None
    return value.decode() if isinstance(value, bytes) else value
