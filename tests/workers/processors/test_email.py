"""Mails, handed to a real SMTP server on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.processors.email import email, render
from qtui_workers.server import keys
from qtui_workers.services.mail import NotSent
from tests.support import Server
from tests.workers.processors.site import certificate
from tests.workers.support import field, log_lines, run_burst

WELCOME = {
    "to": "zoe@example.org",
    "subject": "Wëlcome",
    "template": "welcome",
    "variables": {"name": "Zoë <b>", "product": "Queues & Co", "url": "https://example.org/start"},
}


class Post(Controller):
    """A mail server that keeps what it takes; `replies` are given in turn, the last one from then on."""

    def __init__(self, **options: Any) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.replies = ["250 taken"]
        super().__init__(self, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self) -> None:
        """aiosmtpd's first contact with its server, at the port that the system has chosen."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return reply

    @property
    def settings(self) -> dict[str, str]:
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(self.port), "SMTP_FROM": "Jobs <jobs@example.org>", "SMTP_TLS": "none"}


@contextmanager
def serving(**options: Any) -> Iterator[Post]:
    post = Post(**options)
    post.start()
    try:
        yield post
    finally:
        post.stop()


@pytest.fixture
def post() -> Iterator[Post]:
    with serving() as post:
        yield post


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def use(post: Post, **settings: str) -> None:
        for name, value in (post.settings | settings).items():
            monkeypatch.setenv(name, value)

    return use


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_a_mail_arrives_in_both_parts(server: Server, service: QueueService, post: Post, home: Path) -> None:
    job = service.enqueue("email", WELCOME)
    run_burst(server, home, **post.settings)
    (message,) = post.taken
    assert service.status(job.id).result == {"message_id": f"<{job.id}@example.org>", "to": "zoe@example.org"}
    assert message["Message-ID"] == f"<{job.id}@example.org>"
    assert (message["Subject"], message["To"], message["From"]) == ("Wëlcome", "zoe@example.org", "Jobs <jobs@example.org>")
    assert "Hello Zoë <b>,\r\n\r\nwelcome to Queues & Co" in part(message, "plain")
    assert "Hello Zoë &lt;b&gt;," in part(message, "html")
    assert "Queues &amp; Co" in part(message, "html")


def test_a_mail_refused_for_now_is_sent_again_as_the_same_mail(
    server: Server, service: QueueService, client: redis.Redis, post: Post, home: Path
) -> None:
    post.replies = ["451 greylisted \x1b[31m", "250 taken"]
    job = service.enqueue("email", WELCOME, backoff="fixed:0s")
    run_burst(server, home, **post.settings)
    assert service.status(job.id).status == "finished"
    first, second = (message_from_bytes(e.content, policy=policy.default) for e in post.envelopes)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    lines = [text for _, text in log_lines(client, job.id)]
    assert lines[0] == "mail 'welcome' to zoe@example.org: begins"
    assert "451 greylisted ␛[31m" in lines[1]
    assert lines[-1].startswith("mail 'welcome' to zoe@example.org: done in ")


def test_a_mail_refused_for_good_is_not_tried_again(
    server: Server, service: QueueService, client: redis.Redis, post: Post, home: Path
) -> None:
    post.replies = ["554 no such mails here"]
    job = service.enqueue("email", WELCOME, backoff="fixed:0s")
    run_burst(server, home, **post.settings)
    state = service.status(job.id)
    assert state.status == "failed"
    assert "for good: 554 no such mails here" in (state.failed_reason or "")
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"


def test_a_missing_variable_is_named_and_the_mail_not_tried_again(
    server: Server, service: QueueService, client: redis.Redis, post: Post, home: Path
) -> None:
    job = service.enqueue("email", WELCOME | {"variables": {"name": "Zoë", "url": "https://example.org/"}}, backoff="fixed:0s")
    run_burst(server, home, **post.settings)
    assert "'product' is undefined" in (service.status(job.id).failed_reason or "")
    assert field(client, job.id, keys.FIELD_ATTEMPT) == b"1"
    assert post.envelopes == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", "a\r\nBcc: other@example.org"),
        ("subject", "a\nb"),
        ("subject", "a\x00b"),
        ("to", "a@example.org\nBcc: other@example.org"),
        ("to", "a@example.org, b@example.org"),
        ("to", "Zoe <a@example.org>"),
        ("to", "nobody"),
        ("template", "../../secret"),
        ("variables", {"url": "javascript:alert(1)"}),
    ],
)
def test_what_would_add_a_header_or_a_recipient_is_refused(service: QueueService, name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"payload field '{name}'"):
        service.enqueue("email", WELCOME | {name: value})


@pytest.mark.parametrize("template", ["welcome", "invitation", "notification"])
def test_every_template_is_there_in_both_parts(template: Any) -> None:
    names = ("name", "product", "url", "inviter", "title", "message")
    for text in render(template, {name: f"<{name}>" for name in names}):
        assert text.strip()
        assert "{{" not in text


def test_a_recipient_refused_for_good_is_reported(post: Post, use: Callable[..., None]) -> None:
    async def refuse(*_: object) -> str:
        return "550 unknown here"

    post.handle_RCPT = refuse  # type: ignore[attr-defined] # a hook that aiosmtpd looks up by its name
    use(post)
    with pytest.raises(Unrecoverable, match="550 unknown here"):
        email(**WELCOME)


def test_a_mail_server_that_is_away_is_tried_again_later(post: Post, use: Callable[..., None]) -> None:
    use(post, SMTP_PORT="1")
    with pytest.raises(NotSent, match=r"127\.0\.0\.1 cannot be reached"):
        email(**WELCOME)


@pytest.mark.parametrize("missing", ["SMTP_HOST", "SMTP_FROM"])
def test_a_setting_that_is_missing_is_named(post: Post, use: Callable[..., None], missing: str) -> None:
    use(post, **{missing: ""})
    with pytest.raises(Unrecoverable, match=missing):
        email(**WELCOME)


def login(user: str, password: str) -> Callable[..., AuthResult]:
    def check(_server: object, _session: object, _envelope: object, _mechanism: str, data: LoginPassword) -> AuthResult:
        right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=right)  # what is not handled aiosmtpd refuses with 535

    return check


def test_starttls_and_a_login_are_used(home: Path, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    pem = certificate(home, "IP:127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": login("me", "hunter2")}
    with serving(**options) as post:
        use(post, SMTP_TLS="starttls", SMTP_USERNAME="me", SMTP_PASSWORD="hunter2", SSL_CERT_FILE=str(pem))
        email(**WELCOME)
        assert len(post.taken) == 1
        monkeypatch.setenv("SMTP_PASSWORD", "wrong-one")
        with pytest.raises(Unrecoverable, match="535") as told:
            email(**WELCOME)
        assert "wrong-one" not in str(told.value)


def test_a_certificate_that_is_not_trusted_gets_no_mail(home: Path, use: Callable[..., None]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(home, "IP:127.0.0.1"))
    with serving(tls_context=context) as post:
        use(post, SMTP_TLS="starttls")
        with pytest.raises(NotSent, match="certificate verify failed"):
            email(**WELCOME)
        assert post.envelopes == []


def test_a_server_without_encryption_gets_no_mail(post: Post, use: Callable[..., None]) -> None:
    use(post, SMTP_TLS="starttls")
    with pytest.raises(Unrecoverable, match="SMTP_TLS"):
        email(**WELCOME)
    assert post.envelopes == []
