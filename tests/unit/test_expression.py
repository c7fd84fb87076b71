"""What people type to find jobs: what it means, and what it says where it is wrong."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui.broker.search.expression import LONGEST, BadExpression, parse
from qtui.broker.search.qualifiers import QUALIFIERS
from qtui.broker.status import Status


def said(text: str) -> list[tuple[str, str, str, bool]]:
    """The terms of an expression, in the order of their texts."""
    return sorted((term.qualifier.name, term.sign, term.value, term.negated) for term in parse(text).terms)


def test_every_kind_of_term_is_read() -> None:
    text = 'status:failed func:send_email payload.customer_id:42 age>1h took>=30s word "two words" -word -id:ab12*'
    assert said(text) == sorted(
        [
            ("status", ":", "failed", False),
            ("func", ":", "send_email", False),
            ("payload", ":", "42", False),
            ("age", ">", "1h", False),
            ("took", ">=", "30s", False),
            ("", ":", "word", False),
            ("", ":", "two words", False),
            ("", ":", "word", True),
            ("id", ":", "ab12*", True),
        ]
    )


@pytest.mark.parametrize("name", QUALIFIERS)
def test_every_example_is_an_expression(name: str) -> None:
    (term,) = parse(QUALIFIERS[name].example).terms
    assert term.qualifier is QUALIFIERS[name]


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("status:faild", "RQ knows no status 'faild': it is one of created", 8),
        ("queue:mail fnc:charge", "there is no 'fnc': did you mean func?", 12),
        ("queue:mail -fnc:charge", "did you mean func?", 13),
        ("http://example.org", "To look for it as a text, put it in quotes", 1),
        ("age>soon", "'soon' is not a length of time", 5),
        ("age:", "a value is missing", 5),
        ("queue>mail", "queue cannot be compared with '>': write queue:mail*", 6),
        ("attempts>two", "'two' is not a number", 10),
        ("payload:42", "name the value of the payload: payload.customer_id:42", 1),
        ("payload.:42", "name the value of the payload", 1),
        ("status.x:42", "there is no 'status.x'", 1),
        ('say "hello', "a quote that is not closed", 5),
        ("x" * (LONGEST + 1), "at most 1,000 characters", LONGEST + 1),
    ],
)
def test_a_bad_expression_says_where_it_is_wrong_and_what_was_meant(text: str, words: str, place: int) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert words in str(caught.value)
    assert str(caught.value).endswith(f"(at character {place})")
    assert caught.value.start == place - 1


def test_the_statuses_and_queues_that_it_leaves() -> None:
    assert parse("status:failed").statuses() == (Status.FAILED,)
    assert parse("status:Rate-Limited").statuses() == (Status.RATE_LIMITED,)
    assert parse("-status:f* status:*d").statuses() == tuple(s for s in Status if s[0] != "f" and s[-1] == "d")
    assert parse("word").statuses() == tuple(Status)
    assert parse("queue:mail* -queue:mail-low").queues(("mail", "mail-low", "mail-high", "media")) == ("mail", "mail-high")


def test_what_is_read_of_each_job_is_what_the_terms_need() -> None:
    assert "data" not in parse("status:failed age>1h").need.fields
    assert not parse("func:charge").need.error
    assert "data" in parse("func:charge").need.fields & parse("payload.a:1").need.fields
    assert parse("error:x").need.error


WORDS = st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"], exclude_characters='":<>='), min_size=1).filter(
    lambda word: word[0] != "-" and not any(c.isspace() for c in word)
)
VALUES = {"status": st.sampled_from([s.value for s in Status]), "age": st.just("1h30m"), "attempts": st.integers(0, 9).map(str)}


@given(st.lists(st.tuples(st.sampled_from(["queue", "id", "func", "error", "status", ""]), WORDS, st.booleans()), max_size=6))
def test_what_is_written_is_what_is_read(terms: list[tuple[str, str, bool]]) -> None:
    terms = [(name, "failed" if name == "status" else value, negated) for name, value, negated in terms]
    text = "  ".join(f"{'-' * negated}{name}{':' * bool(name)}{value}" for name, value, negated in terms)
    assert said(text) == sorted((name, ":", value, negated) for name, value, negated in terms)


@given(st.text(max_size=200))
def test_a_text_in_quotes_is_looked_for_as_it_is(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert said(f'error:"{quoted}"') == [("error", ":", text, False)]


@given(st.text(alphabet=string.printable + "é漢\x00", max_size=80))
def test_any_text_is_an_expression_or_says_where_it_is_not(text: str) -> None:
    place = 0
    try:
        parse(text)
    except BadExpression as error:
        place = error.start
    assert 0 <= place <= len(text)
