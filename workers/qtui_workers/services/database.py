"""The database of the bundled processors: its tables, which are made where they are missing, and transactions.

SQLAlchemy takes long to import, and is an extra: processors import this module inside their functions, which raises
Unrecoverable where SQLAlchemy is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from qtui_workers.errors import InvalidInput
from qtui_workers.services.extras import needs
from qtui_workers.services.settings import DatabaseSettings

with needs("database"):
    from sqlalchemy import (
        JSON,
        BigInteger,
        Column,
        Connection,
        DateTime,
        Engine,
        MetaData,
        String,
        Table,
        Text,
        create_engine,
        select,
    )
    from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError
    from sqlalchemy.pool import NullPool
    from sqlalchemy.schema import CreateTable

metadata: Final = MetaData()

audit_log: Final = Table(
    "qtui_audit_log",
    metadata,
    Column("job_id", String(200), primary_key=True),
    Column("org_id", String(200), nullable=False),
    Column("actor_id", String(200), nullable=False),
    Column("actor_type", String(20), nullable=False),
    Column("action", String(200), nullable=False),
    Column("resource_type", String(200), nullable=False),
    Column("resource_id", String(200), nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),  # UTC, as is every time here
    Column("recorded_at", DateTime(timezone=True), nullable=False),
)

publishings: Final = Table(
    "qtui_publishings",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("project_id", String(200), nullable=False),
    Column("user_id", String(200), nullable=False),
    Column("project_dir", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("error", Text),
    Column("artifact_sha256", String(64)),
    Column("artifact_bytes", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection to the database of the settings, committed at the end of the block or rolled back on an error.

    Raises InvalidInput where DATABASE_URL is not valid, and SQLAlchemy's errors.
    """
    with _engine(DatabaseSettings.read().url()).begin() as connection:
        yield connection


def insert_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Inserts a row unless one with its primary key exists; returns that one, None where the row was new.

    A plain INSERT in a savepoint works on every database, while each has its own syntax for "or ignore".
    """
    keys = [column == row[column.name] for column in table.primary_key]
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(row))
    except IntegrityError:
        before = connection.execute(select(table).where(*keys)).mappings().first()
        if before is None:
            raise
        return {name: before[name] for name in row}
    return None


@cache
def _engine(url: str) -> Engine:
    """An engine without a pool: a connection ends with its transaction, so no fork inherits one."""
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InvalidInput(f"DATABASE_URL: {type(error).__name__}: it names no database that can be opened here") from None
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
    return engine
