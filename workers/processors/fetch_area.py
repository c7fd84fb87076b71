"""Pages through an external HTTP API, so politely that it never bans us: one rate for all workers together."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field, HttpUrl

from workers.limit import Limit
from workers.limiter import limits
from workers.processor import Payload, processor
from workers.progress import progress
from workers.running import logged
from workers.services import outbound
from workers.settings import Settings

log = logging.getLogger(__name__)

RATE: Final = Limit(max=2, per=1, name="overpass")
"""What the API allows; shared by all workers on all machines."""
_PAGE_LIMIT: Final = 16 * 1024 * 1024
_LONGEST_WAIT: Final = 300.0
"""Seconds that a worker stays with a job the API puts off; longer, and the job's own backoff is the better wait."""
_MOST_WAITS: Final = 5


class FetchArea(Payload):
    """Which items of which API."""

    base_url: HttpUrl = Field(description="The API, asked with ?area=…&page=1&page_size=…; answers {items: […], total: N}.")
    area: str = Field(min_length=1, max_length=200, description="The area whose items are fetched.")
    page_size: int = Field(100, ge=1, le=1_000, description="Items in a page.")
    max_pages: int = Field(1_000, ge=1, le=100_000, description="More pages than this fail the job.")


class AreaFetched(BaseModel):
    """What came of it; the items themselves are for whoever copies this processor to keep."""

    area: str
    items: int
    pages: int
    requests: int
    """Pages, and those that the API put off."""


class NotFetched(Exception):
    """The API did not give a page; a later attempt may get it."""


@processor(queue="fetches", attempts=5, backoff="exponential:30s", timeout=3_600)
def fetch_area(payload: FetchArea) -> AreaFetched:
    """Counts the items of an area, page by page, behind a rate limit that all workers share."""
    items = requests = 0
    with logged(log, f"area {payload.area} of {payload.base_url.host}"):
        for page in range(1, payload.max_pages + 1):
            answer, asked = _page(payload, page)
            items += len(answer["items"])
            requests += asked
            total = answer.get("total")
            progress(items, total if isinstance(total, int) else None, f"page {page}")
            if len(answer["items"]) < payload.page_size:
                return AreaFetched(area=payload.area, items=items, pages=page, requests=requests)
        raise NotFetched(f"the area has more than {payload.max_pages:,} pages; raise max_pages")


def _page(payload: FetchArea, page: int) -> tuple[dict[str, Any], int]:
    """A page, and how often it was asked for: where the API says when to come back, that is when."""
    query = urlencode({"area": payload.area, "page": page, "page_size": payload.page_size})
    url = f"{payload.base_url}{'&' if payload.base_url.query else '?'}{query}"
    private = Settings.read().webhook_allow_private
    for asked in range(1, _MOST_WAITS + 2):
        with limits.acquire(RATE):
            answer = outbound.request("GET", url, timeout=60, allow_private=private, answer_limit=_PAGE_LIMIT)
        wait = _retry_after(answer)
        if wait is None or wait > _LONGEST_WAIT or asked > _MOST_WAITS:
            break
        log.warning("page %d: %d, asked to wait %.0f s", page, answer.status, wait)
        time.sleep(wait)
    return _content(answer, page), asked


def _retry_after(answer: outbound.Answer) -> float | None:
    """The seconds that the API asks us to wait (RFC 9110, 10.2.3); None where it does not."""
    said = answer.headers.get("retry-after", "").strip()
    if answer.status not in (429, 503) or not said:
        return None
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said).astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None


def _content(answer: outbound.Answer, page: int) -> dict[str, Any]:
    if not answer.ok:
        raise NotFetched(f"page {page}: {answer.status} {answer.excerpt()}")
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise NotFetched(f"page {page} is not {{items: […]}} of at most {_PAGE_LIMIT:,} bytes: {answer.excerpt()}")
    return content
