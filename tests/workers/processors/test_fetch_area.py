"""An API of pages, on a real HTTP server, fetched by real workers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from tests.support import Server
from tests.workers.processors.site import Asked, Reply, Site
from tests.workers.support import log_lines, run_burst
from workers import keys
from workers.processors.fetch_area import RATE, _retry_after
from workers.producer import QueueService
from workers.services.outbound import Answer


class Api:
    """Pages of numbered items; the answers in `first` are given before them."""

    def __init__(self, count: int, *first: Reply) -> None:
        self.count = count
        self.first = list(first)
        self.times: list[float] = []

    def __call__(self, asked: Asked) -> Reply:
        self.times.append(time.monotonic())
        if self.first:
            return self.first.pop(0)
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        page, size = int(query["page"]), int(query["page_size"])
        items = [f"{query['area']}-{n}" for n in range((page - 1) * size, min(page * size, self.count))]
        return Reply(200, json.dumps({"items": items, "total": self.count}).encode())


def fetch(server: Server, service: QueueService, site: Site, home: Path, **payload: object) -> str:
    given = {"base_url": f"{site.url}/api?key=1", "area": "Zürich & more", "page_size": 2} | payload
    job = service.enqueue("fetch_area", given, attempts=1)
    run_burst(server, home, WEBHOOK_ALLOW_PRIVATE="true")
    return job.id


def test_every_page_is_fetched_at_the_rate_of_the_limiter(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.answer = api = Api(7)
    job_id = fetch(server, service, site, home)
    state = service.status(job_id)
    assert state.result == {"area": "Zürich & more", "items": 7, "pages": 4, "requests": 4}
    assert state.progress is not None
    assert (state.progress["done"], state.progress["total"]) == (7, 7)
    assert all(asked.path.startswith("/api?key=1&area=Z%C3%BCrich+%26+more&page=") for asked in site.asked)
    # Half a window is what a request may be late by, on a busy machine.
    assert all(later - earlier > RATE.per / 2 for earlier, later in zip(api.times, api.times[RATE.max :], strict=False))


def test_an_api_that_says_when_to_come_back_is_asked_again_then(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.answer = api = Api(1, Reply(429, headers={"retry-after": "2"}), Reply(503, headers={"retry-after": "0"}))
    job_id = fetch(server, service, site, home)
    assert service.status(job_id).result["requests"] == 3
    assert api.times[1] - api.times[0] >= 2
    assert ("WARNING", "page 1: 429, asked to wait 2 s") in log_lines(client, job_id)


def test_an_api_that_puts_us_off_for_long_fails_the_attempt(
    server: Server, service: QueueService, site: Site, home: Path
) -> None:
    site.answer = Api(1, Reply(429, b"slow down", {"retry-after": "86400"}))
    job_id = fetch(server, service, site, home)
    assert "page 1: 429 slow down" in (service.status(job_id).failed_reason or "")
    assert len(site.asked) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": 3}', b"\xff"])
def test_what_is_no_page_fails_the_attempt(server: Server, service: QueueService, site: Site, home: Path, body: bytes) -> None:
    site.replies = [Reply(200, body)]
    assert "page 1 is not {items: […]}" in (service.status(fetch(server, service, site, home)).failed_reason or "")


def test_more_pages_than_allowed_fail_the_attempt(server: Server, service: QueueService, site: Site, home: Path) -> None:
    site.answer = Api(100)
    assert "more than 2 pages" in (service.status(fetch(server, service, site, home, max_pages=2)).failed_reason or "")


def test_a_private_address_is_refused(server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path) -> None:
    job = service.enqueue("fetch_area", {"base_url": site.url, "area": "a"})
    run_burst(server, home)
    assert "no public address" in (service.status(job.id).failed_reason or "")
    assert client.hget(keys.job(job.id), keys.FIELD_ATTEMPT) == b"1"


@pytest.mark.parametrize("said", ["", "soon", "-1", "²"])
def test_a_time_to_come_back_that_cannot_be_read_counts_as_none(said: str) -> None:
    assert _retry_after(Answer(429, b"", {"retry-after": said})) is None


def test_a_time_to_come_back_may_be_a_date() -> None:
    for seconds, least, most in ((60, 50, 60), (-60, 0, 0)):
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        wait = _retry_after(Answer(503, b"", {"retry-after": date}))
        assert wait is not None
        assert least <= wait <= most
