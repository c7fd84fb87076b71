"""Mails: how a message is made, and how it is given to a mail server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing, suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.reporting.current_job import enqueued_at
from qtui_workers.services.settings import MailSettings
from qtui_workers.text import decode, printable

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_PATIENCE: Final = 30.0
"""Seconds for one answer of the server."""


class NotSent(Exception):
    """The mail server did not take the mail; a later attempt may succeed."""


def compose(settings: MailSettings, *, to: str, subject: str, text: str, html: str, mail_id: str) -> EmailMessage:
    """A mail with a part in plain text and one in HTML, whose Message-ID is made of `mail_id`.

    So a further attempt sends the same mail (RFC 5322, 3.6.4). No value can add a header, as a line break in it is refused.
    Raises Unrecoverable for that, and where SMTP_FROM is missing or no address.
    """
    name, sender = parseaddr(settings.smtp_from or "")
    if "@" not in sender:
        raise Unrecoverable("SMTP_FROM is not set to an address: set it to the sender's, then retry the job")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(name, addr_spec=sender)
        message["To"] = Address(addr_spec=to)
        message["Subject"] = subject
        message["Date"] = format_datetime(enqueued_at())
        message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
    except (ValueError, MessageError) as error:
        raise Unrecoverable(f"the mail's headers cannot be written: {printable(str(error), 200)}") from None
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def send(settings: MailSettings, message: EmailMessage) -> None:
    """Gives the mail to the server SMTP_HOST.

    Raises Unrecoverable where the server refuses it for good (5xx, RFC 5321, 4.2.1), and NotSent where it may take it later.
    """
    if not settings.smtp_host:
        raise Unrecoverable("SMTP_HOST is not set: set it to the mail server, then retry the job")
    try:
        with closing(_connected(settings, settings.smtp_host)) as server:
            if settings.smtp_tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_username:
                password = settings.smtp_password
                server.login(settings.smtp_username, password.reveal() if password else "")
            server.send_message(message)
            with suppress(OSError):  # the mail is accepted: a QUIT that fails must not send it again
                server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(*next(iter(error.recipients.values()))) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError as error:
        raise Unrecoverable(f"the mail server {settings.smtp_host} cannot do this: {error}; see SMTP_TLS") from None
    except OSError as error:  # smtplib's other errors are OSErrors too
        raise NotSent(f"the mail server {settings.smtp_host} cannot be reached: {printable(str(error), 200)}") from None


def _connected(settings: MailSettings, host: str) -> smtplib.SMTP:
    port = settings.smtp_port or _PORTS[settings.smtp_tls]
    if settings.smtp_tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=_PATIENCE, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, timeout=_PATIENCE)


def _refusal(code: int, answer: bytes | str) -> Exception:
    reply = f"{code} {printable(decode(answer), 300)}"
    if code >= 500:
        return Unrecoverable(f"the mail server refused the mail for good: {reply}")
    return NotSent(f"the mail server did not take the mail now: {reply}")
