import threading
import time

import pytest

from fetch.failure import FetchFailedError
from fetch.schedule import LONGEST_ASKED_PAUSE, MOST_PAUSES, Job, Schedule


def made(*hosts: str, per_host: int = 2, backoff: float = 0) -> Schedule:
    """A schedule of one photo for each host named; "aab" has two photos of host a."""
    return Schedule(((f"https://{host}/{n}", str(n), host) for n, host in enumerate("".join(hosts))), per_host, backoff)


def taken(schedule: Schedule) -> Job:
    job = schedule.next()
    assert job is not None
    return job


def test_hosts_take_turns():
    schedule = made("aaabc", per_host=5)
    assert [taken(schedule).host.name for _ in range(5)] == ["a", "b", "c", "a", "a"]


def test_a_host_gets_no_more_than_its_share_at_once():
    schedule = made("aaa")
    first, second = taken(schedule), taken(schedule)
    third: list[Job] = []
    thread = threading.Thread(target=lambda: third.append(taken(schedule)))
    thread.start()
    assert not third
    schedule.finished(first)
    thread.join(10)
    assert third[0].url == "https://a/2"
    for job in (second, third[0]):
        schedule.finished(job)
    assert schedule.next() is None


def test_a_job_that_is_tried_again_waits_for_its_backoff():
    schedule = made("a", backoff=0.05)
    for attempts, seconds in ((1, 0.05), (2, 0.1)):
        job = taken(schedule)
        job.attempts = attempts
        start = time.monotonic()
        schedule.retry(job)
        assert taken(schedule) is job
        assert time.monotonic() - start >= seconds
        schedule.retry(job, at_once=True)


def test_a_pause_of_a_host_holds_all_its_jobs_but_no_other_host():
    schedule = made("aab", per_host=1)
    job = taken(schedule)
    schedule.unserved(job.host, 0.05)
    start = time.monotonic()
    schedule.retry(job, at_once=True)
    assert taken(schedule).host.name == "b"
    assert taken(schedule) is job
    assert time.monotonic() - start >= 0.05


def test_requests_that_ran_when_a_pause_began_do_not_lengthen_it():
    schedule = made("aa", backoff=1)
    host = taken(schedule).host
    schedule.unserved(host, None)
    end = host.not_before
    schedule.unserved(host, None)
    assert (host.pauses, host.not_before) == (1, end)


def test_pauses_double_up_to_a_limit():
    schedule = made("a", backoff=1)
    host = taken(schedule).host
    lengths = []
    for _ in range(MOST_PAUSES):
        host.not_before = 0
        schedule.unserved(host, None)
        lengths.append(round(host.not_before - time.monotonic()))
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert host.down
    schedule.served(host)
    assert not host.down


def test_a_pause_that_a_host_asks_for_is_limited():
    schedule = made("a")
    host = taken(schedule).host
    schedule.unserved(host, 1e9)
    assert host.not_before - time.monotonic() <= LONGEST_ASKED_PAUSE


def test_at_the_end_of_the_run_no_job_waits_any_more():
    schedule = made("aaab", per_host=1)
    first, other = taken(schedule), taken(schedule)
    schedule.unserved(first.host, 200)
    schedule.retry(first, at_once=True)
    other.attempts = 20
    schedule.retry(other)
    schedule.hurry()
    late = taken(schedule)
    schedule.unserved(late.host, 200)
    schedule.retry(late)
    rest = []
    for _ in range(4):
        rest.append(taken(schedule))
        schedule.finished(rest[-1])
    assert sorted(job.url for job in rest) == ["https://a/0", "https://a/1", "https://a/2", "https://b/3"]


def test_a_stop_ends_the_wait_of_every_thread():
    schedule = made("a", per_host=1)
    taken(schedule)
    found: list[Job | None] = []
    threads = [threading.Thread(target=lambda: found.append(schedule.next())) for _ in range(3)]
    for thread in threads:
        thread.start()
    schedule.stop()
    for thread in threads:
        thread.join(10)
    assert found == [None] * 3


@pytest.mark.parametrize(
    ("reason", "status", "passing"),
    [("truncated", None, True), ("http_status", 500, True), ("http_status", 404, False), ("not_a_photo", 200, False)],
)
def test_only_some_failures_are_worth_another_attempt(reason: str, status: int | None, passing: bool):
    assert FetchFailedError(reason, "", status).passing == passing  # type: ignore[arg-type]
