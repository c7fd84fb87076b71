"""A shop whose charges are held in the tests."""

from __future__ import annotations

from pydantic import BaseModel
from rq import get_current_job

from qtui_workers import Payload, processor

MODULE = "tests.workers.charging"


class Charge(Payload):
    customer_id: int


def _note(name: str) -> None:
    job = get_current_job()
    assert job is not None
    job.connection.rpush("ran", f"{name} {job.id}")


class Charged(BaseModel):
    customer_id: int


@processor(queue="payments", attempts=2)
def charge(payload: Charge) -> Charged:
    """Charges a customer."""
    _note("charge")
    return Charged(customer_id=payload.customer_id)


def refund(customer_id: int = 0, *, fail: bool = False) -> None:
    """As a plain RQ program enqueues it."""
    _note("refund")
    if fail:
        raise ValueError("the gateway is down")
