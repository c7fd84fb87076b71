"""Webhooks, delivered to a real HTTP server and verified with the reference library."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
import redis
from standardwebhooks import Webhook as Verifier

from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.processors.webhook import Webhook, signed_headers, webhook
from qtui_workers.server import keys
from qtui_workers.services import outbound
from tests.support import Server
from tests.workers.processors.site import Reply, Site, certificate
from tests.workers.support import log_lines, run_burst

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
PAYLOAD = {"type": "user.created", "data": {"name": "Zoë", "n": 1.5}}


def given(url: str) -> dict[str, object]:
    return {"url": url, "secret": SECRET, "payload": PAYLOAD}


def test_a_delivery_verifies_and_keeps_its_id_over_the_attempts(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.replies = [Reply(500, b"try \x1b[31m later"), Reply(204)]
    job = service.enqueue("webhook", given(f"{site.url}/hook?token=hidden"), backoff="fixed:0s")
    said = run_burst(server, home, WEBHOOK_ALLOW_PRIVATE="true")
    state = service.status(job.id)
    assert (state.status, state.result) == ("finished", {"webhook_id": job.id, "status": 204, "attempt": 2})
    assert [a.headers["webhook-attempt"] for a in site.asked] == ["1", "2"]
    assert {a.headers["webhook-id"] for a in site.asked} == {job.id}
    assert all(Verifier(SECRET).verify(a.body, a.headers) == PAYLOAD for a in site.asked)
    lines = [text for _, text in log_lines(client, job.id)]
    assert lines[1] == "webhook to 127.0.0.1, attempt 1: failed: 127.0.0.1 answered 500 try ␛[31m later"
    assert lines[2] == "webhook to 127.0.0.1, attempt 2: begins"
    assert SECRET not in said
    assert "token=hidden" not in "".join(lines)


def test_the_secret_is_in_the_data_of_the_job_only(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.replies = [Reply(500)]
    job = service.enqueue("webhook", given(site.url), attempts=1)
    run_burst(server, home, WEBHOOK_ALLOW_PRIVATE="true")
    kept = client.hgetall(keys.job(job.id)) | {b"log": repr(log_lines(client, job.id)).encode()}
    kept[b"result"] = repr(client.xrange(keys.results(job.id))).encode() + (service.status(job.id).failed_reason or "").encode()
    assert [name for name, value in kept.items() if SECRET.removeprefix("whsec_").encode() in value] == []
    assert service.status(job.id).payload == given(f"{site.url}/")


def test_gone_ends_the_attempts(server: Server, service: QueueService, site: Site, home: Path) -> None:
    site.replies = [Reply(410)]
    job = service.enqueue("webhook", given(site.url), backoff="fixed:0s")
    run_burst(server, home, WEBHOOK_ALLOW_PRIVATE="true")
    state = service.status(job.id)
    assert state.status == "failed"
    assert "410 Gone" in (state.failed_reason or "")
    assert len(site.asked) == 1


def test_a_private_address_is_refused_and_not_tried_again(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    job = service.enqueue("webhook", given(f"http://localhost:{site.port}/"), backoff="fixed:0s")
    run_burst(server, home)
    assert "no public address" in (service.status(job.id).failed_reason or "")
    assert client.hget(keys.job(job.id), keys.FIELD_ATTEMPT) == b"1"
    assert site.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(site: Site, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOW_PRIVATE", "1")
    site.replies = [Reply(status, headers={"location": "/elsewhere"})]
    with pytest.raises(Exception, match=f"answered {status}"):
        webhook(**given(site.url))
    assert [a.path for a in site.asked] == ["/"]


def test_a_long_answer_is_read_in_part_and_never_unpacked(site: Site) -> None:
    packed = gzip.compress(b"0" * 10_000_000)
    site.replies = [Reply(200, packed, {"content-encoding": "gzip"}), Reply(200, b"x" * 5_000_000)]
    answers = [outbound.request("GET", site.url, allow_private=True, answer_limit=5_000) for _ in site.replies]
    assert answers[0].body == packed[:5_000]
    assert answers[1].body == b"x" * 5_000
    assert len(answers[1].excerpt()) <= 201


def test_who_does_not_answer_is_reported_without_the_url() -> None:
    with pytest.raises(outbound.Unreachable) as told:
        outbound.request("GET", "http://127.0.0.1:1/hidden?token=hidden", allow_private=True)
    assert "127.0.0.1 gave no answer" in str(told.value)
    assert "hidden" not in str(told.value)


def test_the_name_is_requested_though_the_address_is_connected_to(site: Site) -> None:
    outbound.request("GET", f"http://localhost:{site.port}/", allow_private=True)
    assert site.asked[0].headers["host"] == f"localhost:{site.port}"


def test_tls_is_held_to_the_name_not_to_the_address(site: Site, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(home, "DNS:localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    site.use_tls(pem)
    assert outbound.request("GET", f"https://localhost:{site.port}/", allow_private=True).ok
    with pytest.raises(outbound.Unreachable, match="certificate verify failed"):
        outbound.request("GET", f"https://127.0.0.1:{site.port}/", allow_private=True)


@pytest.mark.parametrize("address", ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://[::ffff:127.0.0.1]/"])
def test_other_spellings_of_this_machine_are_refused(address: str) -> None:
    with pytest.raises(Unrecoverable, match="no public address"):
        outbound.request("GET", address)


def test_what_is_signed_is_the_id_the_time_and_the_body() -> None:
    # The example of the specification's reference implementations.
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("secret", "hunter2hunter2hunter2hunter2hunter2"),
        ("secret", "whsec_not base64"),
        ("secret", "whsec_" + base64.b64encode(b"short").decode()),
        ("url", "ftp://example.org/"),
        ("url", "https://user:hunter2@example.org/"),
        ("url", "example.org"),
        ("payload", "text"),
    ],
)
def test_a_bad_field_is_reported_without_its_secret(service: QueueService, field: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=f"payload field '{field}'") as told:
        service.enqueue("webhook", given("https://example.org/") | {field: value})
    assert "hunter2" not in str(told.value)


def test_the_secret_is_masked_where_a_payload_is_printed() -> None:
    payload = Webhook.model_validate(given("https://example.org/"))
    assert SECRET not in repr(payload)
    assert SECRET not in payload.model_dump_json()
    assert json.loads(webhook.to_json(payload))["secret"] == SECRET
