"""Reads all pages of an external HTTP API into a file, at one rate for all workers together, so that the API does not ban us."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import uuid4

from pydantic import BaseModel, Field, HttpUrl

from qtui_workers.define.decorator import processor
from qtui_workers.define.limit import Limit
from qtui_workers.define.payload import Payload
from qtui_workers.rate.limiter import limits
from qtui_workers.reporting.current_job import current_job_id, logged
from qtui_workers.reporting.job_recording import progress
from qtui_workers.services import outbound
from qtui_workers.services.retry_after import retry_after
from qtui_workers.services.settings import FetchSettings, OutboundSettings

log = logging.getLogger(__name__)

_PAGE_LIMIT: Final = 16 * 1024 * 1024
_MOST_WAITS: Final = 5
"""How often a page is requested again in one attempt."""
_COME_BACK: Final = (429, 503)
"""Statuses with which an API may name a time to wait."""


class FetchArea(Payload):
    """Which items of which API."""

    base_url: HttpUrl = Field(description="The API, asked with ?area=…&page=1&page_size=…; answers {items: […], total: N}.")
    area: str = Field(min_length=1, max_length=200, description="The area whose items are fetched.")
    page_size: int = Field(100, ge=1, le=1_000, description="Items in a page.")
    max_pages: int = Field(1_000, ge=1, le=100_000, description="More pages than this fail the job.")


class AreaFetched(BaseModel):
    """Where the items are, and how many."""

    area: str
    file: Path
    """On the machine that ran the job: JSON Lines, an item a line, in ASCII and in the order of the pages."""
    items: int
    pages: int
    requests: int
    """How many requests were sent: one for each page, and one for each answer with a time to wait."""


class NotFetched(Exception):
    """The API did not give a page; a later attempt may get it."""


@processor(queue="fetches", attempts=5, backoff="exponential:30s", timeout=3_600)
def fetch_area(payload: FetchArea) -> AreaFetched:
    """Fetches the items of an area into a file, behind a rate limit that all workers share."""
    path = FetchSettings.read().folder() / f"{current_job_id()}.jsonl"
    items = requests = 0
    with logged(log, f"area {payload.area} of {payload.base_url.host}"), _replacing(path) as file:
        for page in range(1, payload.max_pages + 1):
            answer, tries = _page(payload, page)
            file.writelines(f"{_line(item, page)}\n" for item in answer["items"])
            items += len(answer["items"])
            requests += tries
            total = answer.get("total") if isinstance(answer.get("total"), int) else None
            progress(items, total, f"page {page}")
            # An API may give fewer items in a page than requested.
            if not answer["items"] or (len(answer["items"]) < payload.page_size and items >= (total or 0)):
                break
        else:
            raise NotFetched(f"the area has more than {payload.max_pages:,} pages; raise max_pages")
    return AreaFetched(area=payload.area, file=path, items=items, pages=page, requests=requests)


def rate(base_url: HttpUrl, per_second: float) -> Limit:
    """How often an API may be requested, shared by all workers on all machines under the name of its host."""
    most = max(1, math.floor(per_second))
    return Limit(max=most, per=most / per_second, name=str(base_url.host).strip("[]").rstrip("."))


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that gets its name once it is complete; files that a killed run of the same job has left are removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{path.name}.*"):
        left.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        with part.open("x", encoding="ascii") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _page(payload: FetchArea, page: int) -> tuple[dict[str, Any], int]:
    """A page, and how many requests it took.

    Where the API answers with a time to wait, the limiter is closed until then, for all jobs of its host: this one waits for
    it here, or is rescheduled where that takes longer than a minute (`rate.limiter.LimitClosed`).
    """
    settings, url = FetchSettings.read(), url_of(payload, page)
    limit = rate(payload.base_url, settings.fetch_rate)
    private = OutboundSettings.read().webhook_allow_private
    for tries in range(1, _MOST_WAITS + 2):
        with limits.acquire(limit):
            answer = outbound.request("GET", url, timeout=60, allow_private=private, answer_limit=_PAGE_LIMIT)
        wait = retry_after(answer.headers) if answer.status in _COME_BACK else None
        if wait is None:
            break
        log.warning("page %d: %d, asked to wait %.0f s", page, answer.status, wait)
        why = f"{payload.base_url.host} answered {answer.status} and asked to wait {wait:.0f} s"
        limits.close(limit, min(wait, settings.fetch_longest_pause.total_seconds()), why)
        if tries > _MOST_WAITS:
            break
    return _content(answer, page), tries


def url_of(payload: FetchArea, page: int) -> str:
    """The address of a page: what the base URL has as its query stays, its fragment is not sent."""
    base = urlsplit(str(payload.base_url))
    query = urlencode({"area": payload.area, "page": page, "page_size": payload.page_size})
    return urlunsplit(base._replace(query=f"{base.query}&{query}".lstrip("&"), fragment=""))


def _content(answer: outbound.HttpAnswer, page: int) -> dict[str, Any]:
    if not answer.ok:
        raise NotFetched(f"page {page}: {answer.status} {answer.excerpt()}")
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise NotFetched(f"page {page} is not {{items: […]}} of at most {_PAGE_LIMIT:,} bytes: {answer.excerpt()}")
    return content


def _line(item: Any, page: int) -> str:
    try:
        return json.dumps(item, allow_nan=False)
    except ValueError:  # Python reads and writes NaN and Infinity, and takes 1e999 for Infinity
        raise NotFetched(f"page {page} has an item with a number that is not one of JSON, or too large: NaN, 1e999") from None
