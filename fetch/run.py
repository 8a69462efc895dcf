"""Download all photos of a feed: plan, download in several threads, record."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fetch.connections import Connections, Network
from fetch.download import Downloaded, Downloader
from fetch.failure import HINTS, UNSERVED, FetchFailedError
from fetch.feed import copy_tables, image_urls
from fetch.names import Names, ending_for
from fetch.records import FailedPhoto, PhotoTable, only_run, write_failures
from fetch.schedule import MOST_PAUSES, Job, Schedule
from fetch.settings import FetchSettings
from training.pipeline.progress import ProgressReporter, track
from training.prepare.intake.fetched import FAILURES, FOLDER, FetchedPhoto

# How long to wait for threads that were told to stop. One that still resolves a host name ends with the process.
SECONDS_TO_STOP = 2.0

Result = tuple[Job, Downloaded | FetchFailedError]


@dataclass
class Summary:
    """What became of the URLs of a feed. Each distinct URL is counted once.

    Attributes:
        urls: distinct URLs.
        downloaded, kept: photos of this run, and of earlier ones.
        bytes: length of the photos of this run.
        failed: the others.
    """

    urls: int = 0
    downloaded: int = 0
    kept: int = 0
    bytes: int = 0
    failed: list[FailedPhoto] = field(default_factory=list)

    def lines(self, out: Path) -> list[str]:
        """The summary for people."""
        if not self.urls:
            return ["the image columns name no photo by URL, so there is nothing to download"]
        photos = self.downloaded + self.kept
        lines = [
            f"{photos:,} of {self.urls:,} photos are in {out / FOLDER}: {self.downloaded:,} downloaded"
            f" ({self.bytes / 1e6:,.1f} MB), {self.kept:,} kept from earlier runs"
        ]
        if self.failed:
            reasons = Counter(row.failure.reason for row in self.failed).most_common()
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
            lines.append(
                f"{len(self.failed):,} failed ({told}), listed in {out / FAILURES}; the next run tries them again"
            )
            lines += [HINTS[reason] for reason, _ in reasons if reason in HINTS]
        return lines


def fetch(
    feed: Path,
    out: Path,
    settings: FetchSettings,
    *,
    http_as_https: bool = False,
    network: Network | None = None,
    progress: ProgressReporter = track,
    summary: Summary | None = None,
) -> Summary:
    """Copy the tables of a feed into a data folder and download the photos that they name by URL.

    Photos that an earlier run downloaded are kept. If the run is interrupted (KeyboardInterrupt), the tables say what
    is there, and the next run goes on.

    Args:
        feed: a table, or a folder with tables.
        out: the data folder; made if it does not exist.
        http_as_https: ask for http URLs by https.
        network: how hosts are found and trusted.
        summary: filled while the run goes on, for whoever catches an interruption.

    Raises:
        DataError: the feed cannot be read, or `out` holds other tables.
        TrainingError: a file cannot be written.
    """
    summary = summary or Summary()
    copy_tables(feed, out)
    with only_run(out):
        table = PhotoTable(out, progress)
        connections = Connections(settings, network or Network())
        downloader = Downloader(settings, connections, http_as_https=http_as_https)
        try:
            jobs = list(_planned(feed, out, table, downloader, settings, summary))
            crew = _Crew(Schedule(jobs, settings.per_host, settings.backoff_seconds), downloader, settings)
            try:
                for job, result in progress(crew.results(len(jobs)), len(jobs), "photos", "photo"):
                    _record(job, result, table, summary)
            finally:
                crew.stop(connections)
        finally:
            connections.close()
            write_failures(out, summary.failed)
    return summary


def _planned(
    feed: Path, out: Path, table: PhotoTable, downloader: Downloader, settings: FetchSettings, summary: Summary
) -> Iterator[tuple[str, str, str]]:
    """URL, file name without ending, and host of each photo to download, in the order of the feed."""
    names = Names(entry.name for entry in (out / FOLDER).iterdir())
    planned = 0
    for url in dict.fromkeys(image_urls(feed, settings.reading())):
        summary.urls += 1
        if url in table.rows:
            summary.kept += 1
            continue
        try:
            target = downloader.target(url)
            if planned == settings.max_photos:
                raise FetchFailedError("too_many_photos", f"the run downloads at most {planned:,} photos")
        except FetchFailedError as exc:
            summary.failed.append(FailedPhoto(url, exc, 0))
            continue
        planned += 1
        yield url, names.add(url), target.host


def _record(job: Job, result: Downloaded | FetchFailedError, table: PhotoTable, summary: Summary) -> None:
    if isinstance(result, FetchFailedError):
        summary.failed.append(FailedPhoto(job.url, result, job.attempts))
        return
    file = job.stem + ending_for(result.content_type)
    row = FetchedPhoto(job.url, file, len(result.data), result.sha256, result.content_type)
    table.add(row, result.data)
    summary.downloaded += 1
    summary.bytes += row.bytes


class _Crew:
    """Threads that work on a schedule, and their results."""

    def __init__(self, schedule: Schedule, downloader: Downloader, settings: FetchSettings) -> None:
        self._schedule = schedule
        self._downloader = downloader
        self._settings = settings
        self._deadline = time.monotonic() + settings.max_minutes * 60
        # Bounded, because results hold photos.
        self._results: queue.Queue[Result | BaseException] = queue.Queue(settings.parallel)
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(settings.parallel)]

    def results(self, count: int) -> Iterator[Result]:
        """Start the threads; yield the result of each of the `count` jobs, in the order in which they end.

        Raises:
            Exception: what a thread raised.
        """
        for thread in self._threads[:count]:
            thread.start()
        for _ in range(count):
            result = self._next()
            if isinstance(result, BaseException):
                raise result
            yield result

    def stop(self, connections: Connections) -> None:
        """End the threads, whatever they wait for."""
        self._stopped = True
        self._schedule.stop()
        connections.stop()
        until = time.monotonic() + SECONDS_TO_STOP
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < until:
                while not self._results.empty():
                    self._results.get_nowait()
                thread.join(0.01)

    def _next(self) -> Result | BaseException:
        try:
            return self._results.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            self._schedule.hurry()
            return self._results.get()

    def _work(self) -> None:
        try:
            while job := self._schedule.next():
                result = self._attempt(job)
                if result and not self._stopped:
                    self._results.put((job, result))
        except BaseException as exc:
            self._results.put(exc)

    def _attempt(self, job: Job) -> Downloaded | FetchFailedError | None:
        """Work on a job: its result, or None if it is to be tried again."""
        if refusal := self._refusal(job):
            self._schedule.finished(job)
            return refusal
        job.attempts += 1
        try:
            photo = self._downloader.download(job.url)
        except FetchFailedError as exc:
            return self._failed(job, exc)
        self._schedule.served(job.host)
        self._schedule.finished(job)
        return photo

    def _refusal(self, job: Job) -> FetchFailedError | None:
        """Why a job is not attempted now, if it is not."""
        if time.monotonic() >= self._deadline:
            return FetchFailedError("out_of_time", f"the run ended after {self._settings.max_minutes:g} minutes")
        if job.host.down:
            return job.last or FetchFailedError(
                "host_down", f"{job.host.name} did not serve {MOST_PAUSES} times in a row"
            )
        return None

    def _failed(self, job: Job, failure: FetchFailedError) -> FetchFailedError | None:
        job.last = failure
        if failure.reason in UNSERVED:
            self._schedule.unserved(job.host, failure.wait)
        else:
            self._schedule.served(job.host)
        # How often a busy host is asked is limited by its pauses, so that a feed survives a host's limit of requests.
        busy = failure.reason == "throttled"
        if busy or (failure.passing and job.attempts < self._settings.attempts):
            self._schedule.retry(job, at_once=busy)
            return None
        self._schedule.finished(job)
        return failure
