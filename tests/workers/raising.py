"""Jobs that raise what ends in another line than its error."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import create_engine, text

MODULE = "tests.workers.raising"


class Order(BaseModel):
    amount: int


def database() -> None:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT 1 FROM nowhere"))


def validation() -> None:
    Order.model_validate({"amount": "many"})


def noted() -> None:
    error = ValueError("no such address")
    error.add_note("while sending\n  the invoice")
    raise error


def several() -> None:
    raise ExceptionGroup("two of three", [group(), TypeError("next")])


def group() -> ExceptionGroup[Exception]:
    try:
        raise ValueError("first\nof all")
    except ValueError as error:
        error.add_note("a note")
        return ExceptionGroup("inner", [error])


RAISED = {
    database: "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: nowhere",
    validation: "pydantic_core._pydantic_core.ValidationError: 1 validation error for Order",
    noted: "ValueError: no such address",
    several: "ExceptionGroup: two of three (2 sub-exceptions): ExceptionGroup: inner (1 sub-exception): ValueError: first",
}
