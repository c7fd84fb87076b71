"""An API of pages, on a real HTTP server, fetched by real workers."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from pydantic import HttpUrl

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.processors.fetch_area import FetchArea, rate, url_of
from qtui_workers.rate.limiter import Limit, Limits
from qtui_workers.server import keys
from tests.support import Server
from tests.workers.processors.site import Asked, Reply, Site
from tests.workers.support import log_lines, run_burst


class Api:
    """Pages of numbered items, none longer than `most`; the answers in `first` are given before them."""

    def __init__(self, count: int, *first: Reply, most: int = 1_000) -> None:
        self.count = count
        self.first = list(first)
        self.most = most
        self.times: list[float] = []

    def __call__(self, asked: Asked) -> Reply:
        self.times.append(time.monotonic())
        if self.first:
            return self.first.pop(0)
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        page, size = int(query["page"]), min(int(query["page_size"]), self.most)
        items = [f"{query['area']}-{n}" for n in range((page - 1) * size, min(page * size, self.count))]
        return Reply(200, json.dumps({"items": items, "total": self.count}).encode())


def fetch(server: Server, service: QueueService, site: Site, home: Path, *, fetch_rate: str = "", **payload: object) -> str:
    """Runs a job to its end; returns its id."""
    given = {"base_url": f"{site.url}/api?key=1", "area": "Zürich & more", "page_size": 2} | payload
    job = service.enqueue("fetch_area", given, attempts=1, job_id="zurich")
    run_burst(server, home, WEBHOOK_ALLOW_PRIVATE="true", FETCH_DIR=str(home / "areas"), FETCH_RATE=fetch_rate)
    return job.id


def lines(home: Path) -> list[str]:
    """The items in the one file that the jobs have left."""
    (file,) = (home / "areas").iterdir()
    assert file.name == "zurich.jsonl"
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


def test_every_item_is_kept_and_requested_at_the_rate_of_the_limiter(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.answer = api = Api(7)
    state = service.status(fetch(server, service, site, home))
    file = str(home / "areas" / "zurich.jsonl")
    assert state.result == {"area": "Zürich & more", "file": file, "items": 7, "pages": 4, "requests": 4}
    assert lines(home) == [f"Zürich & more-{n}" for n in range(7)]
    assert state.progress is not None
    assert (state.progress["done"], state.progress["total"]) == (7, 7)
    assert all(asked.path.startswith("/api?key=1&area=Z%C3%BCrich+%26+more&page=") for asked in site.asked)
    limit = Limits(client).state("127.0.0.1")
    assert (limit.max, limit.per) == (2, 1.0)
    # Half a window is what a request may be late by, on a busy machine.
    assert all(later - earlier > limit.per / 2 for earlier, later in zip(api.times, api.times[limit.max :], strict=False))


def test_a_job_that_runs_again_replaces_its_file_and_removes_what_a_killed_run_had_begun(
    server: Server, service: QueueService, site: Site, home: Path
) -> None:
    site.answer = Api(3)
    fetch(server, service, site, home)
    (home / "areas" / "zurich.jsonl.killed").write_text('"half')
    site.answer = Api(4)
    fetch(server, service, site, home)
    assert lines(home) == [f"Zürich & more-{n}" for n in range(4)]


def test_a_run_that_fails_leaves_the_file_of_the_one_before(
    server: Server, service: QueueService, site: Site, home: Path
) -> None:
    site.answer = Api(3)
    fetch(server, service, site, home)
    site.answer = Api(100)
    assert service.status(fetch(server, service, site, home, max_pages=2)).status == "failed"
    assert len(lines(home)) == 3


def test_an_api_whose_pages_are_shorter_than_requested_is_fetched_whole(
    server: Server, service: QueueService, site: Site, home: Path
) -> None:
    site.answer = Api(5, most=2)
    assert service.status(fetch(server, service, site, home, page_size=100)).result["pages"] == 3
    assert len(lines(home)) == 5


def test_a_changed_rate_holds_from_the_next_job_on(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.answer = Api(1)
    for said, limit in (("20", (20, 1.0)), ("0.5", (1, 2.0))):
        fetch(server, service, site, home, fetch_rate=said)
        state = Limits(client).state("127.0.0.1")
        assert (state.max, state.per) == limit


@pytest.mark.parametrize(
    ("url", "per_second", "limit"),
    [
        ("https://API.example:8443/v1", 2, Limit(2, 1, "api.example")),
        ("https://api.example./v1", 2.5, Limit(2, 0.8, "api.example")),
        ("https://[2001:db8::1]/v1", 0.001, Limit(1, 1_000, "2001:db8::1")),
        ("https://bücher.example", 1_000, Limit(1_000, 1, "xn--bcher-kva.example")),
    ],
)
def test_a_limiter_is_named_by_the_host_however_it_is_written(url: str, per_second: float, limit: Limit) -> None:
    assert rate(HttpUrl(url), per_second) == limit


def test_an_api_that_says_when_to_come_back_is_requested_again_then(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.answer = api = Api(1, Reply(429, headers={"retry-after": "2"}), Reply(503, headers={"retry-after": "0"}))
    job_id = fetch(server, service, site, home)
    assert service.status(job_id).result["requests"] == 3
    assert api.times[1] - api.times[0] >= 2
    assert ("WARNING", "page 1: 429, asked to wait 2 s") in log_lines(client, job_id)


@pytest.mark.parametrize(("said", "pause", "seconds"), [("3600", "", 3_600), ("864000", "", 86_400), ("864000", "2h", 7_200)])
def test_an_api_that_wants_to_be_left_alone_receives_no_request_until_then_and_no_attempt_is_used(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path, said: str, pause: str, seconds: int
) -> None:
    site.answer = Api(1, Reply(200, b'{"items": [1, 2], "total": 4}'), *[Reply(429, b"slow down", {"retry-after": said})] * 50)
    for number in range(5):
        service.enqueue("fetch_area", {"base_url": site.url, "area": "a", "page_size": 2}, attempts=2, job_id=f"j{number}")
    options = {"FETCH_DIR": str(home / "areas"), "FETCH_RATE": "1000", "FETCH_LONGEST_PAUSE": pause}
    run_burst(server, home, WEBHOOK_ALLOW_PRIVATE="true", **options)
    assert len(site.asked) == 2
    state = Limits(client).state("127.0.0.1")
    assert seconds - 60 < state.next_free_in <= seconds
    assert state.closed_because == f"127.0.0.1 answered 429 and asked to wait {said} s"
    due = dict(client.zrange(keys.registry("scheduled", "fetches"), 0, -1, withscores=True))
    assert due.keys() == {f"j{number}".encode() for number in range(5)}
    assert all(state.closed_until and -1 <= at - state.closed_until.timestamp() <= 30 for at in due.values())
    for job_id in due:
        assert client.hmget(keys.job(job_id.decode()), keys.FIELD_ATTEMPT, "retries_left") == [b"0", b"1"]
    assert any("put off for" in text for _, text in log_lines(client, "j0"))
    assert list((home / "areas").iterdir()) == []


def test_an_api_that_is_never_ready_fails_the_attempt(server: Server, service: QueueService, site: Site, home: Path) -> None:
    site.replies = [Reply(503, b"slow down", {"retry-after": "0"})]
    job_id = fetch(server, service, site, home)
    assert "page 1: 503 slow down" in (service.status(job_id).failed_reason or "")
    assert len(site.asked) == 6


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


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("/api", "/api?area=a&page=1&page_size=100"),
        ("/api?", "/api?area=a&page=1&page_size=100"),
        ("/api?key=1&b=2", "/api?key=1&b=2&area=a&page=1&page_size=100"),
        ("/api#top", "/api?area=a&page=1&page_size=100"),
        ("/api?key=1#top", "/api?key=1&area=a&page=1&page_size=100"),
        ("/api?key=a%26b#?x=1", "/api?key=a%26b&area=a&page=1&page_size=100"),
    ],
)
def test_a_base_url_keeps_its_query_and_sends_no_fragment(base: str, path: str) -> None:
    payload = FetchArea.model_validate({"base_url": f"https://u:p@api.example{base}", "area": "a"})
    assert url_of(payload, 1) == f"https://u:p@api.example{path}"


def test_the_password_of_a_url_is_sent_and_shown_nowhere(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.replies = [Reply(500, b"no")]
    password = f"hunter2{'x' * 80}"  # a long one is cut in the middle of descriptions
    login = f"http://me:{password}@127.0.0.1:{site.port}/api"
    job_id = fetch(server, service, site, home, base_url=login)
    assert site.asked[0].headers["authorization"] == f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"
    kept = client.hgetall(keys.job(job_id)) | {b"log": repr(log_lines(client, job_id)).encode()}
    kept |= {b"events": repr(client.xrange(keys.EVENTS)).encode(), b"reason": repr(service.status(job_id)).encode()}
    assert [name for name, value in kept.items() if b"hunter2" in value] == [b"reason"]  # what a program asks for is whole
    assert "hunter2" not in (service.status(job_id).failed_reason or "")
    assert client.hget(keys.job(job_id), "description").startswith(b"fetch_area(base_url=HttpUrl('http://me:***@127.0.0.1")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_number_that_json_does_not_have_is_not_written(
    server: Server, service: QueueService, site: Site, home: Path, number: bytes
) -> None:
    site.replies = [Reply(200, b'{"items": [{"n": 1}, {"n": %b}], "total": 2}' % number)]
    state = service.status(fetch(server, service, site, home))
    assert "page 1 has an item with a number" in (state.failed_reason or "")
    assert list((home / "areas").iterdir()) == []
