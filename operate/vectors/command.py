"""The command line of `scripts/vectors`."""

import argparse
import logging
import random
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lambda_app.catalogue.vectors.bookkeeping import stored_state
from lambda_app.catalogue.vectors.comparing import compare
from lambda_app.catalogue.vectors.index import VectorsIndex, new_client
from lambda_app.catalogue.vectors.loading import Loaded, Loader
from lambda_app.catalogue.vectors.pacing import Pace
from lambda_app.catalogue.vectors.rows import opened_rows
from lambda_app.errors import LookalikeError, MissingObjectError, SettingsError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.promotion.upkeep.switching import use
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.store.opening import existing_store
from operate.vectors.listing import delete_index, index_lines, live_manifest, status_lines
from operate.vectors.options import parse_arguments
from operate.vectors.progress import printed

FAILED, INTERRUPTED = 1, 130
_say = partial(print, flush=True)


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run the command; returns the exit code: see `--help`. `environ`: settings of serving."""
    given = parse_arguments(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    try:
        own = {"LOOKALIKE_STORE": given.store}
        if getattr(given, "vector_bucket", None):
            own["LOOKALIKE_VECTOR_BUCKET"] = given.vector_bucket
        given.settings = Settings.from_environ({**(environ or {}), **own})
        return _run(existing_store(given.store), given)
    except (LookalikeError, OSError) as exc:
        print(f"scripts/vectors: {exc}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("scripts/vectors: interrupted; started again, a load goes on", file=sys.stderr)
        return INTERRUPTED


def _run(store: Store, given: argparse.Namespace) -> int:
    if given.verb == "status":
        _say("\n".join(status_lines(store)))
    elif given.verb == "load":
        return _load(store, _manifest(store, given.release), given)
    elif given.verb == "check":
        return _check(store, _manifest(store, given.release), given)
    elif given.verb == "use":
        return _use(store, given)
    elif given.verb == "list":
        _say("\n".join(index_lines(store, _client(given), _bucket(given))))
    else:
        _say(delete_index(store, _client(given), _bucket(given), given.index, yes=given.yes))
    return 0


def _load(store: Store, manifest: Manifest, given: argparse.Namespace) -> int:
    index = _index(manifest, given)
    live = live_manifest(store)
    if live.engine == "s3vectors" and live.model.sha256 == manifest.model.sha256 and live.release != manifest.release:
        _say(f"the live release {live.release} is searched in {index}: its answers change during the load")
    loader = Loader(store, Pace(given.rate), given.connections, tell=printed(_say))
    done = loader.bring(index, manifest, again=getattr(given, "again", False))
    _say(_in_words(index, done))
    return _check(store, manifest, given)


def _check(store: Store, manifest: Manifest, given: argparse.Namespace) -> int:
    index = _index(manifest, given)
    state, _ = stored_state(store, index.name)
    if state is None or index.describe() is None:
        raise MissingObjectError(f"{index} was not loaded: scripts/vectors load --store {store} {manifest.release}")
    with opened_rows(manifest, store.local_file) as held:
        found = compare(index, held, state.next_row, seed=random.getrandbits(32))
    if not found.differences:
        _say(f"compared {found.listed:,} keys, and {found.sampled:,} items with vector and metadata: no difference")
        return 0
    for difference in found.differences:
        print(f"scripts/vectors: {index} differs from {manifest.release}: {difference}", file=sys.stderr)
    again = f"scripts/vectors load --again --store {store} {manifest.release} --vector-bucket {index.bucket}"
    print(f"scripts/vectors: to put everything again: {again}", file=sys.stderr)
    return FAILED


def _use(store: Store, given: argparse.Namespace) -> int:
    if given.engine == "s3vectors" and (code := _load(store, live_manifest(store), given)):
        return code
    _say(use(store, given.engine, given.settings).detail)
    return 0


def _in_words(index: VectorsIndex, done: Loaded) -> str:
    again = f"; {index.retries.sent_again:,} requests were sent again" if index.retries.sent_again else ""
    left_out = f"; {done.left_out_count:,} left out, because a text is too long" if done.left_out_count else ""
    return (
        f"{index} holds the {done.count:,} items of {done.release}: {done.put:,} put, {done.deleted:,} deleted, "
        f"{done.kept:,} were there{again}{left_out}"
    )


def _manifest(store: Store, release: str | None) -> Manifest:
    if release is None:
        return live_manifest(store)
    try:
        return stored_manifest(store, release)
    except MissingObjectError as exc:
        raise MissingObjectError(
            f"{store} holds no release {release!r}; scripts/releases list shows the releases that it holds"
        ) from exc


def _bucket(given: argparse.Namespace) -> str:
    if not given.settings.vector_bucket:
        raise SettingsError("no vector bucket is named: use --vector-bucket NAME, or set LOOKALIKE_VECTOR_BUCKET")
    return str(given.settings.vector_bucket)


def _client(given: argparse.Namespace) -> Any:
    return new_client(max(8, getattr(given, "connections", 1)))


def _index(manifest: Manifest, given: argparse.Namespace) -> VectorsIndex:
    bucket = _bucket(given)
    return VectorsIndex.of_model(_client(given), bucket, manifest.model.sha256)
