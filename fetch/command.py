"""The command line of `scripts/fetch`."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from fetch.connections import Network
from fetch.run import Summary, fetch
from fetch.settings import FetchSettings
from lambda_app.errors import LookalikeError
from training.pipeline.commands import CommandParser, add_settings, settings_from
from training.pipeline.interrupts import interruptible

SOME_FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130
_ABOUT = "Download the photos that a feed names by URL, into a data folder for training."
_MORE = """\
examples:
  scripts/fetch feed.xml --out var/shop
  scripts/demo --data var/shop --store var/shop-store     # train, publish, serve

DIR gets a copy of the tables, photos/ with the photos, photos/photos.csv (which file is which URL) and
photos/failures.csv. Run the command again to go on after an interruption and to try failures again; photos that
are there and whole are kept. Only https URLs are downloaded, only from public addresses, without a proxy.
SSL_CERT_FILE names other certificates to trust than the system's.

exit code: 0 all photos are there; 1 some failed; 2 the feed or the folder cannot be used; 130 interrupted
"""


def main(argv: Sequence[str] | None = None, network: Network | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments; None: those of the process.
        network: how hosts are found and trusted; tests replace it.

    Returns:
        The exit code: see `--help`.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    summary = Summary()
    try:
        given = command_line().parse(argv)
        settings = settings_from(given, FetchSettings)
        with interruptible():
            fetch(given.feed, given.out, settings, http_as_https=given.http_as_https, network=network, summary=summary)
    except (LookalikeError, OSError) as exc:
        print(f"scripts/fetch: {exc}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print(
            f"scripts/fetch: interrupted after {summary.downloaded:,} photos; the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED
    print("\n".join(summary.lines(given.out)))
    return SOME_FAILED if summary.failed else 0


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/fetch", description=_ABOUT, epilog=_MORE)
    parser.add_argument("feed", type=Path, metavar="FEED", help="a CSV, TSV or XML file, or a folder that holds some")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the data folder to fill; required")
    parser.add_argument("--http-as-https", action="store_true", help="ask for http URLs by https (default: they fail)")
    add_settings(parser, FetchSettings)
    return parser
