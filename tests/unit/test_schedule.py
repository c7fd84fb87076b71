"""The ticks of cron expressions and intervals, also where clocks change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui_workers.define.decorator import processor
from qtui_workers.define.options import Options
from qtui_workers.define.schedule import Schedule
from qtui_workers.errors import InvalidInput
from qtui_workers.processors.report import Report, ReportResult

BERLIN = ZoneInfo("Europe/Berlin")

schedules = st.sampled_from(
    [
        Schedule("*/7 * * * *"),
        Schedule("30 2 * * *", timezone="Europe/Berlin"),
        Schedule("0 0 29 2 *"),
        Schedule("0 9 * * 1-5", timezone="America/New_York"),
        Schedule("* * * * * */20"),
        Schedule("@daily", timezone="Australia/Lord_Howe"),
        Schedule("15,45 1-2 * * *", timezone="Australia/Lord_Howe"),
        Schedule("*/10 1-3 * * *", timezone="Australia/Lord_Howe"),
        Schedule("0 0 * * *", timezone="America/Havana"),
        Schedule(every=timedelta(seconds=90)),
        Schedule(every=timedelta(days=1)),
    ]
)
times = st.floats(1.6e9, 2.0e9)


def ticks(schedule: Schedule, begin: datetime, end: datetime) -> list[datetime]:
    """All ticks from begin to end, in the schedule's own zone."""
    found = []
    tick = schedule.next(begin.timestamp() - 1)
    while tick is not None and tick <= end.timestamp():
        found.append(datetime.fromtimestamp(tick, ZoneInfo(schedule.timezone)))
        tick = schedule.next(tick)
    return found


@given(schedules, times)
def test_a_time_is_between_its_last_tick_and_its_next(schedule: Schedule, now: float) -> None:
    last, following = schedule.last(now), schedule.next(now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert schedule.last(last) == last
    assert schedule.last(following) == following


@given(schedules, times)
def test_no_tick_is_between_a_last_one_and_a_next_one(schedule: Schedule, now: float) -> None:
    last, following = schedule.last(now), schedule.next(now)
    assert last is not None
    assert schedule.next(last) == following


def test_an_interval_counts_from_the_epoch_wherever_it_is_read() -> None:
    day = Schedule(every=timedelta(days=1))
    assert day.next(datetime(2026, 5, 1, 17, 3, tzinfo=UTC).timestamp()) == datetime(2026, 5, 2, tzinfo=UTC).timestamp()


def test_a_tick_of_the_hour_that_is_skipped_comes_at_its_end() -> None:
    found = ticks(
        Schedule("30 2 * * *", timezone="Europe/Berlin"),
        datetime(2026, 3, 28, 12, tzinfo=UTC),
        datetime(2026, 3, 30, 12, tzinfo=UTC),
    )
    assert [f"{tick:%d %H:%M}" for tick in found] == ["29 03:00", "30 02:30"]


def test_a_time_of_the_day_that_comes_twice_takes_place_once_at_first() -> None:
    found = ticks(
        Schedule("30 2 * * *", timezone="Europe/Berlin"),
        datetime(2026, 10, 24, 12, tzinfo=UTC),
        datetime(2026, 10, 26, 12, tzinfo=UTC),
    )
    assert [tick.isoformat() for tick in found] == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_a_day_whose_first_hour_comes_twice_begins_once() -> None:
    found = ticks(
        Schedule("@daily", timezone="America/Havana"),
        datetime(2026, 10, 31, 12, tzinfo=UTC),
        datetime(2026, 11, 2, 12, tzinfo=UTC),
    )
    assert [tick.isoformat() for tick in found] == ["2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"]


CHANGES = {
    "Europe/Berlin": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    "America/Havana": (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC)),
    "Pacific/Apia": (datetime(2011, 12, 30, 10, tzinfo=UTC),),
}
AROUND = [(zone, change) for zone, changes in CHANGES.items() for change in changes]
Named = Callable[[datetime], bool]
REPEATING: dict[str, Named] = {
    "*/10 * * * *": lambda at: at.minute % 10 == 0,
    "7 * * * *": lambda at: at.minute == 7,
    "*/20 0-3 * * *": lambda at: at.minute % 20 == 0 and at.hour <= 3,
    "0,40 */2 * * *": lambda at: at.minute in (0, 40) and at.hour % 2 == 0,
}
ONCE: dict[str, Named] = {
    "30 2 * * *": lambda at: (at.hour, at.minute) == (2, 30),
    "0,15,30,45 0-3 * * *": lambda at: at.minute % 15 == 0 and at.hour <= 3,
    "@daily": lambda at: (at.hour, at.minute) == (0, 0),
    "0 12 * * *": lambda at: (at.hour, at.minute) == (12, 0),
}


def minutes(zone: str, change: datetime) -> list[datetime]:
    """The minutes of a day and a few hours before a change of the clock, and after it."""
    begin = int(change.timestamp()) - 27 * 3600
    return [datetime.fromtimestamp(begin + 60 * n, ZoneInfo(zone)) for n in range(2 * 27 * 60)]


@pytest.mark.parametrize(("zone", "change"), AROUND, ids=str)
@pytest.mark.parametrize("cron", REPEATING)
def test_what_repeats_takes_place_whenever_the_clock_shows_it(cron: str, zone: str, change: datetime) -> None:
    schedule, around = Schedule(cron, timezone=zone), minutes(zone, change)
    shown = [at.timestamp() for at in around if REPEATING[cron](at)]
    assert [tick.timestamp() for tick in ticks(schedule, around[0], around[-1])] == shown
    assert [schedule.last(tick) for tick in shown] == shown
    assert [schedule.last(tick - 1) for tick in shown[1:]] == shown[:-1]


@pytest.mark.parametrize(("zone", "change"), AROUND, ids=str)
@pytest.mark.parametrize("cron", ONCE)
def test_a_time_of_the_day_takes_place_once_a_day_and_no_last_tick_goes_back(cron: str, zone: str, change: datetime) -> None:
    schedule, around = Schedule(cron, timezone=zone), minutes(zone, change)
    found = ticks(schedule, around[0], around[-1])
    shown: dict[datetime, float] = {}
    for at in around:
        if ONCE[cron](at):
            shown.setdefault(at.replace(tzinfo=None), at.timestamp())
    moved = {tick.timestamp() for tick in found} - set(shown.values())
    assert moved <= {change.timestamp()}
    assert len(found) == len(shown) + len(moved)
    lasts = [schedule.last(at.timestamp()) or 0 for at in around[::15]]
    assert lasts == sorted(lasts)
    assert {tick.timestamp() for tick in found} <= {schedule.last(tick.timestamp()) for tick in found}


def test_an_hourly_schedule_comes_every_hour_of_a_day_that_has_23_or_25() -> None:
    hourly = Schedule("0 * * * *", timezone="Europe/Berlin")
    for begin, hours in ((datetime(2026, 3, 29, tzinfo=BERLIN), 23), (datetime(2026, 10, 25, tzinfo=BERLIN), 25)):
        found = ticks(hourly, begin, datetime.fromtimestamp(begin.timestamp() + hours * 3600 - 1, UTC))
        assert len(found) == hours
        assert {later.timestamp() - tick.timestamp() for tick, later in pairwise(found)} == {3600}


def test_the_29th_of_february_comes_in_leap_years_only() -> None:
    found = ticks(Schedule("0 0 29 2 *"), datetime(2023, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC))
    assert [tick.year for tick in found] == [2024, 2028, 2032]


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("", "is no cron expression"),
        ("every day", "is no cron expression"),
        ("60 * * * *", "is no cron expression"),
        ("* * * *", "is no cron expression"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 1 1 * 0 2020", "never comes"),
        ("R * * * *", "chance"),
        ("H(0-29) * * * *", "chance"),
        ("0 \x1b[31m", "is no cron expression"),
    ],
)
def test_a_cron_expression_that_cannot_be_kept_is_refused_when_the_module_is_imported(cron: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refusal:
        processor(cron=cron)
    assert "\x1b" not in str(refusal.value)


@pytest.mark.parametrize("every", [0, 0.5, -1, 1.5, float("nan"), timedelta(days=10_000)])
def test_an_interval_that_cannot_be_kept_is_refused(every: float | timedelta) -> None:
    with pytest.raises(InvalidInput, match="every must be"):
        processor(every=every)


def test_a_schedule_is_either_an_expression_or_an_interval() -> None:
    with pytest.raises(InvalidInput, match="either cron"):
        processor(cron="@daily", every=60)
    assert Options().schedule is None


@pytest.mark.parametrize("zone", ["Berlin", "../etc/passwd", "", "Europe/Atlantis"])
def test_a_place_without_a_clock_is_refused(zone: str) -> None:
    with pytest.raises(InvalidInput, match="there is no timezone"):
        processor(cron="@daily", timezone=zone)


def test_what_is_enqueued_by_itself_needs_a_payload_without_required_fields() -> None:
    class Needy(Report):
        whom: str

    def needy(payload: Needy) -> ReportResult:
        raise NotImplementedError

    needy.__annotations__ = {"payload": Needy, "return": ReportResult}
    needy.__qualname__ = "needy"
    with pytest.raises(InvalidInput, match=r"needy is enqueued by itself .* field 'whom': is required"):
        processor(every=60)(needy)
