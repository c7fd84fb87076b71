"""The thread that reads a tail: what comes, and what a filter asks of the jobs, before anybody fetches the lines."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import redis
from rq import Queue

from qtui.broker.lists.running import EVERYTHING, NOBODY
from qtui.broker.search.expression import parse
from qtui.broker.tail.follower import Follower
from qtui.broker.tail.job_line_filter import JobLineFilter
from qtui.broker.tail.lines import NOTE, Line
from qtui.broker.tail.reader import Tail
from qtui_workers.reporting.events import EventKind, emit
from qtui_workers.reporting.source import Source
from tests.broker import tasks
from tests.support import Server, wait_until


class Asked(JobLineFilter):
    """A filter that notes which threads have it read jobs."""

    def __init__(self, client: redis.Redis, text: str) -> None:
        super().__init__(lambda: client, parse(text))
        self.threads: set[str] = set()

    def read(self, lines: Sequence[Line]) -> None:
        self.threads.add(threading.current_thread().name)
        super().read(lines)


class Person:
    """Somebody who fetches what has come."""

    def __init__(self, client: redis.Redis) -> None:
        self.client, self.queue, self.told = client, Queue("mail", connection=client), 0
        self.lines: list[Line] = []
        self.follower = Follower(lambda: Tail(client, EVERYTHING, events=10), "here", self._hear)
        self.follower.start()
        self.follower.look(NOBODY, 0.0, 0)

    def _hear(self) -> None:
        self.told += 1

    def job(self, customer: int) -> str:
        """A job that something happens to."""
        job_id = self.queue.enqueue(tasks.add, customer_id=customer).id
        emit(self.client, EventKind.STARTED, Source(job_id, "mail", "shop.charge", attempt=1))
        return job_id

    def fetch(self, job_id: str) -> None:
        """Until the line of the job has come."""

        def came() -> bool:
            self.lines += self.follower.take()
            return any(line.job == job_id for line in self.lines)

        wait_until(came, description="the line comes")

    def fitting(self, known: JobLineFilter) -> list[str | None]:
        """The jobs of the lines that fit."""
        return [line.job for line in self.lines if known.fits(line)]


def test_jobs_are_read_for_a_filter_in_its_thread_also_those_of_lines_that_were_fetched(client: redis.Redis) -> None:
    person, known = Person(client), Asked(client, "payload.customer_id:42")
    first, other = person.job(42), person.job(7)
    person.fetch(other)
    before = person.told
    person.follower.filter(known, person.lines)
    wait_until(lambda: person.follower.knows, description="the jobs of the old lines are read")
    wait_until(lambda: person.told > before, description="that is told")
    assert person.fitting(known) == [first]
    later = person.job(42)
    person.fetch(later)
    assert person.fitting(known) == [first, later]
    assert known.threads == {"tail"}
    other_filter = Asked(client, "payload.customer_id:7")
    person.follower.filter(other_filter, person.lines)
    wait_until(lambda: person.follower.knows, description="the filter is changed")
    assert person.fitting(other_filter) == [other]
    person.follower.filter(None)
    assert person.follower.knows
    person.follower.stop()


def test_an_outage_while_jobs_are_read_for_a_filter_loses_no_line(own_server: Server) -> None:
    with own_server.client() as client:
        person = Person(client)
        first = person.job(42)
        person.fetch(first)
        client.config_set("save", "1 1")
        client.save()
        own_server.kill()
        known = Asked(client, "payload.customer_id:42")
        person.follower.filter(known, person.lines)
        wait_until(lambda: any(line.kind == NOTE for line in person.follower.take()), description="it says that Redis is away")
        own_server.start()
        later = person.job(42)
        person.fetch(later)
        assert person.fitting(known) == [first, later]
        person.follower.stop()
