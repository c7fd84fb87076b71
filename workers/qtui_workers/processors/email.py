"""A mail from a template, through a real mail server."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, field_validator

from qtui_workers.define.decorator import processor
from qtui_workers.define.payload import Payload
from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.reporting.current_job import current_job_id, logged
from qtui_workers.services.extras import needs
from qtui_workers.services.settings import MailSettings

log = logging.getLogger(__name__)

Template = Literal["welcome", "invitation", "notification"]
Text = Annotated[str, StringConstraints(max_length=10_000)]


class Email(Payload):
    """The mail and its recipient."""

    to: str = Field(
        max_length=254,
        pattern=r"^[^\s\x00-\x1f\x7f@<>()\[\]\\,;:\"]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
        description="The recipient's address, without a name.",
    )
    subject: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$", description="One line.")
    template: Template = Field(description="Which text: welcome, invitation or notification.")
    variables: dict[str, Text] = Field(default_factory=dict, max_length=100, description="What the template's names stand for.")

    @field_validator("variables")
    @classmethod
    def _links_lead_to_the_web(cls, value: dict[str, str]) -> dict[str, str]:
        if not value.get("url", "https://").startswith(("https://", "http://")):
            raise ValueError("'url' must begin with https:// or http://")
        return value


class EmailSent(BaseModel):
    """A mail that the server has accepted."""

    message_id: str
    """The same in every attempt, so that a mail sent twice can be recognized."""
    to: str


@processor(queue="emails", attempts=5, backoff="exponential:10s", timeout=120)
def email(payload: Email) -> EmailSent:
    """Sends a mail from a template, as text and HTML."""
    from qtui_workers.services.mail import compose, send  # heavy

    settings = MailSettings.read()
    with logged(log, f"mail '{payload.template}' to {payload.to}"):
        text, html = render(payload.template, payload.variables)
        message = compose(settings, to=payload.to, subject=payload.subject, text=text, html=html, mail_id=current_job_id())
        send(settings, message)
    return EmailSent(message_id=str(message["Message-ID"]), to=payload.to)


def render(template: Template, variables: dict[str, Any]) -> tuple[str, str]:
    """The text and the HTML of a mail; Unrecoverable, which names it, where a variable is missing, or where jinja2 is."""
    with needs("mail"):
        from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError, select_autoescape  # heavy

    environment = Environment(
        loader=PackageLoader("qtui_workers.processors"),
        autoescape=select_autoescape(enabled_extensions=["html.j2"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    try:
        text, html = (environment.get_template(f"{template}.{kind}.j2").render(variables) for kind in ("txt", "html"))
    except UndefinedError as error:
        raise Unrecoverable(f"the template '{template}' lacks a variable: {error.message}; add it to 'variables'") from None
    return text, html
