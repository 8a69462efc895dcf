"""Brings an index of S3 Vectors from the catalogue that it holds to that of a release.

It is the same for a first load, a change of the catalogue, a rollback and a compaction. Each step may be repeated: a
load that is killed goes on where it ended, and puts the same vectors under the same rows.
"""

import logging
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from lambda_app.catalogue.vectors.bookkeeping import OTHERS, Clock, Progress, stored_state
from lambda_app.catalogue.vectors.difference import Difference, difference
from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.pacing import Pace
from lambda_app.catalogue.vectors.rows import Held, opened_rows
from lambda_app.catalogue.vectors.sending import CONNECTIONS, batches, send
from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError, StoreError
from lambda_app.release.entries import FileEntry
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest
from lambda_app.search.s3vectors.schema import MOST_DELETED
from lambda_app.search.s3vectors.state import IndexState, Loading
from lambda_app.store.contract import RELEASES, Store

# A load that another process began is left to it until it has been silent for longer than any batch takes.
SILENT = timedelta(seconds=90)

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Loaded:
    """What a load did.

    Attributes:
        count: vectors in the index now.
        put, deleted: vectors that this call sent; without those of stopped loads before it.
        kept: items that were in the index already, as they are.
        left_out: image ids of up to ten items that an index cannot hold; and how many there are.
    """

    release: str
    count: int
    put: int = 0
    deleted: int = 0
    kept: int = 0
    left_out: tuple[str, ...] = ()
    left_out_count: int = 0


@dataclass(frozen=True)
class Loader:
    """Fills indexes from the releases of a store.

    Attributes:
        files: returns the verified local path of a file; None: the store does.
        most: vectors that may be put and deleted; None: any number.
        tell: called when a load begins, with the number of operations and of those that are done already; it returns
            what is called with the number of operations of each batch that is done.
    """

    store: Store
    pace: Pace = field(default_factory=Pace)
    connections: int = CONNECTIONS
    files: Callable[[FileEntry], Path] | None = None
    most: int | None = None
    now: Clock = utc_now
    tell: Callable[[int, int], Callable[[int], None]] = lambda _size, _done: lambda _: None

    def bring(self, index: VectorsIndex, manifest: Manifest, again: bool = False) -> Loaded:
        """Bring an index to the catalogue of a stored release. It is created if it does not exist.

        Args:
            index: that of the release's model.
            manifest: of the release.
            again: put everything, whatever the index holds, and delete the rest.

        Raises:
            RefusedReleaseError: it takes more vectors than `most`, or the index holds vectors and the store has no
                state of it; nothing was written.
            SettingsError: the index was created with other settings.
            ConflictError: another loader works on it.
            StoreError: the store or the service does not answer; another call goes on where this one ended.
        """
        state, version = stored_state(self.store, index.name)
        if state is not None and state.vector_bucket != index.bucket:
            state = None  # of another index, with the same name
        exists = self._prepared(index, manifest)
        if not exists or state is None:
            # Without an index, nothing of what the store says of it holds. Without a state, another store may own it.
            if exists and not again and any(index.pages()):
                raise RefusedReleaseError(
                    f"{index} holds vectors of which {self.store} knows nothing, so another store may be searched "
                    f"there. If it is this store's, scripts/vectors load --again --store {self.store} "
                    f"{manifest.release} --vector-bucket {index.bucket} puts everything and deletes the rest"
                )
            state = IndexState(vector_bucket=index.bucket, updated_at=self.now())
        if state.release == manifest.release and state.loading is None and not again:
            return Loaded(state.release, state.count, kept=state.count, left_out_count=state.left_out)
        self._check_silence(index, state, manifest)
        with ExitStack() as opened:
            target = opened.enter_context(self._opened(manifest))
            bases, full = self._bases(opened, state, manifest, again)
            changes = difference(target, [None] if full else bases)
            if full:
                changes = Difference(target, changes.puts, ())
            return self._carried_out(index, state, version, changes, full)

    def _prepared(self, index: VectorsIndex, manifest: Manifest) -> bool:
        """Whether the index exists already, with the right settings. Else it is created, if that is not too much."""
        found, dim = index.describe(), manifest.model.embedding_dim
        if found is not None:
            index.check(found, dim)
            return True
        self._check_size(index, manifest, manifest.count)
        index.create(dim)
        log.info("created %s", index)
        return False

    def _check_silence(self, index: VectorsIndex, state: IndexState, manifest: Manifest) -> None:
        loading, silent = state.loading, self.now() - state.updated_at
        # Without a loader, it is a note of one that has stopped.
        if loading is not None and loading.loader and loading.release != manifest.release and silent < SILENT:
            raise StoreError(
                f"another loader brings {index} to {loading.release}, and wrote {silent.total_seconds():.0f} s ago; "
                f"after {SILENT.total_seconds():.0f} s without a sign of it, {manifest.release} may take its place"
            )

    def _check_size(self, index: VectorsIndex, manifest: Manifest, size: int) -> None:
        if self.most is not None and size > self.most:
            raise RefusedReleaseError(
                f"{index} lacks {size:,} changes for {manifest.release}; in the time that is left, {self.most:,} can "
                f"be sent. Run scripts/vectors load --store {self.store} {manifest.release} --vector-bucket "
                f"{index.bucket}, then scripts/releases --store {self.store} promote {manifest.release}"
            )

    def _opened(self, manifest: Manifest) -> AbstractContextManager[Held]:
        return opened_rows(manifest, self.files or self.store.local_file)

    def _bases(
        self, opened: ExitStack, state: IndexState, manifest: Manifest, again: bool
    ) -> tuple[list[Held | None], bool]:
        """The releases that the index may hold items of; and whether that is not known."""
        loading = state.loading
        names = [state.release, *([] if loading is None else _between(loading, manifest.release))]
        if again or (loading is not None and loading.full):
            return [], True
        bases: list[Held | None] = []
        for name in names:
            try:
                base = None if name is None else _manifest(self.store, name)
                bases.append(None if base is None else opened.enter_context(self._opened(base)))
            except MissingObjectError as exc:
                log.warning("everything is sent, because a release that the index holds is gone: %s", exc)
                return [], True
        return bases, False

    def _carried_out(
        self, index: VectorsIndex, state: IndexState, version: str | None, changes: Difference, full: bool
    ) -> Loaded:
        target = changes.target
        manifest, puts, deletes = target.manifest, len(changes.puts), changes.deletes
        state = _begun(state, changes, full)
        begun = state.loading or Loading(release=manifest.release)
        self._check_size(index, manifest, changes.size - begun.position)
        progress = Progress(self.store, index.name, state, version, self.now)
        told = self.tell(changes.size, begun.position)
        done = sum(min(end, puts) - begin for begin, end in begun.done if begin < puts)
        count, left_out = target.live.count, len(target.left_out)
        try:
            send(batches(changes, begun.first_row, begun.done), index, progress, self.pace, self.connections, told)
            extra = self._delete_others(index, target, progress) if full else 0
            progress.end(release=manifest.release, count=count, left_out=left_out)
        except ReleaseError:
            progress.give_up()
            raise
        except StoreError:
            progress.note_late()
            raise
        items = target.catalog.items(target.left_out[:10].tolist(), described=False)
        for item in items:
            log.warning("left out, because a text of it is too long for S3 Vectors: %s", item.image_id[:200])
        return Loaded(
            manifest.release,
            count,
            put=puts - done,
            deleted=deletes - (begun.position - done) + extra,
            kept=count - puts,
            left_out=tuple(item.image_id for item in items),
            left_out_count=left_out,
        )

    def _delete_others(self, index: VectorsIndex, target: Held, progress: Progress) -> int:
        """Delete what the target lacks. All keys are listed for that, which takes long in a large index."""
        others: list[str] = []
        for page in index.pages():
            progress.alive(SILENT / 3)
            others += unknown(target, page)
        for begin in range(0, len(others), MOST_DELETED):
            batch = others[begin : begin + MOST_DELETED]
            self.pace.take(len(batch))
            progress.alive()  # what another loader has put since then must stay
            index.delete(batch, partial(progress.may_send, OTHERS))
        return len(others)


def unknown(target: Held, keys: Iterable[str]) -> list[str]:
    """The keys that are no items of a release."""
    wanted = list(keys)
    known = target.find(wanted)
    return [key for key in wanted if key not in known]


def _begun(state: IndexState, changes: Difference, full: bool) -> IndexState:
    """The state that a load begins or goes on with."""
    release, loading = changes.target.manifest.release, state.loading
    puts, deletes, loader = len(changes.puts), changes.deletes, str(uuid.uuid4())
    if loading is not None and (loading.release, loading.full, loading.puts, loading.deletes) == (
        release,
        full,
        puts,
        deletes,
    ):
        return state.model_copy(update={"loading": loading.model_copy(update={"loader": loader})})
    between = () if loading is None else tuple(name for name in _between(loading, release) if name is not None)
    fresh = Loading(
        release=release,
        between=between,
        full=full,
        first_row=state.next_row,
        puts=puts,
        deletes=deletes,
        loader=loader,
    )
    return state.model_copy(update={"loading": fresh, "next_row": state.next_row + puts})


def _between(loading: Loading, release: str) -> list[str]:
    """The releases that stopped loads were to bring the index to, but for the one that it is brought to now."""
    own = [] if loading.release == release else [loading.release]
    return list(dict.fromkeys([*loading.between, *own]))


def _manifest(store: Store, release: str) -> Manifest:
    return read_manifest(store.read(f"{RELEASES}{release}/{MANIFEST}"))
