"""A webhook, signed as the Standard Webhooks specification says (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import time
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, JsonValue, SecretStr

from qtui_workers.define.decorator import processor
from qtui_workers.define.payload import Payload
from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.reporting.current_job import current_attempt, current_job_id, logged
from qtui_workers.services import outbound
from qtui_workers.services.settings import OutboundSettings

log = logging.getLogger(__name__)

_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
"""Lengths that the specification allows."""


def key_of(secret: str) -> bytes:
    """The key that a secret such as `whsec_…` stands for; ValueError where the secret is not valid."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("must be 'whsec_' and base64") from None
    if not secret.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError("must be 'whsec_' and 24 to 64 bytes in base64")
    return key


def _checked_secret(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


def _without_login(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("must not hold a user name or a password")
    return url


Secret = Annotated[SecretStr, AfterValidator(_checked_secret)]


class Webhook(Payload):
    """What is delivered where."""

    url: Annotated[HttpUrl, AfterValidator(_without_login)] = Field(description="Where it is posted to.")
    secret: Secret = Field(description="What it is signed with: whsec_ and 24 to 64 bytes in base64.")
    payload: dict[str, JsonValue] = Field(description="What is delivered, as JSON.")


class WebhookDelivered(BaseModel):
    """A delivery that the other side has confirmed."""

    webhook_id: str
    status: int
    attempt: int


class NotDelivered(Exception):
    """The other side did not confirm the delivery; a later attempt may succeed."""


@processor(queue="webhooks", attempts=8, backoff="exponential:5s", timeout=60)
def webhook(payload: Webhook) -> WebhookDelivered:
    """Posts a signed webhook; whatever is not confirmed with 2xx fails and is tried again, except 410 Gone."""
    job_id, attempt = current_job_id(), current_attempt()
    body = json.dumps(payload.payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    headers = signed_headers(payload.secret.get_secret_value(), job_id, int(time.time()), body)
    headers |= {"content-type": "application/json", "webhook-attempt": str(attempt)}
    with logged(log, f"webhook to {payload.url.host}, attempt {attempt}"):
        private = OutboundSettings.read().webhook_allow_private
        answer = outbound.request("POST", str(payload.url), content=body, headers=headers, allow_private=private)
        if answer.status == 410:
            raise Unrecoverable(f"{payload.url.host} answered 410 Gone: it wants no more of these webhooks")
        if not answer.ok:
            raise NotDelivered(f"{payload.url.host} answered {answer.status} {answer.excerpt()}")
    return WebhookDelivered(webhook_id=job_id, status=answer.status, attempt=attempt)


def signed_headers(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent the body and when (seconds since the epoch); the id is the same in every attempt."""
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()
    return {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
