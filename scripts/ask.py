"""Ask a running API about a photo: its category, its embedding and the most similar listings, with one request."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from client.answers import Neighbour, PredictAnswer
from client.api import LookalikeClient
from client.auth import AuthError, add_options, chosen_auth
from client.command import CommandParser
from client.errors import ClientError
from client.picture import PictureError, Tile, check_picture, draw_picture, open_photo, save_picture
from client.words import json_of, lines_of, plain, price_of, score_of, title_of

MOST_PHOTOS = 4
EXAMPLES = """\
examples:
  scripts/ask sofa.jpg                                   # the category and 4 listings, as text
  scripts/ask sofa.jpg --k 8 --max-price 200 --picture out.png
  scripts/ask front.jpg back.jpg --q "red sofa" --json   # two photos of the same thing, with words
  scripts/ask sofa.jpg --url https://search.shop.example --token @token.txt

exit codes: 0 with an answer; 1 if the API gives none; 2 for wrong arguments or a photo file that cannot be read.
"""
# API Gateway itself answers no more than "Unauthorized" or "Forbidden".
MISSING = {401: "; this deployment takes a token: --token", 403: "; this deployment may take signed requests: --sigv4"}
REFUSED = {
    401: "; the token may have expired (many last an hour), or is of another issuer",
    403: "; the credentials may lack execute-api:Invoke on this API, or the region is wrong",
}
# Options that become parameters of the request under the same names.
ASKED = ("k", "category", "min_price", "max_price", "min_score", "distinct", "rank", "box", "q")


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/ask", description=__doc__, epilog=EXAMPLES)
    parser.add_argument(
        "photo",
        type=Path,
        nargs="+",
        help=f"a JPEG, PNG, WebP or AVIF file, or up to {MOST_PHOTOS} of the same thing; large ones are uploaded "
        "first, if the store of the service is a bucket",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="URL of the API; default: %(default)s")
    search = parser.add_argument_group("which listings")
    search.add_argument("--k", type=int, help="number of similar listings; default: 4")
    search.add_argument("--q", metavar="WORDS", help="words that the listings should have; default: none")
    search.add_argument("--category", help="only this category, one of those of GET /release; default: all")
    search.add_argument("--min-price", type=float, metavar="PRICE", help="in the currency of the release; default: any")
    search.add_argument("--max-price", type=float, metavar="PRICE", help="in the currency of the release; default: any")
    search.add_argument("--min-score", type=float, metavar="COSINE", help="-1 to 1; default: -1")
    search.add_argument(
        "--distinct", choices=("product", "image"), help="a photo per product, or all; default: product"
    )
    search.add_argument("--rank", choices=("category", "cosine"), help="order of the listings; default: category")
    search.add_argument("--box", metavar="L,T,W,H", help="part of the photo, as shares of its size; default: 0,0,1,1")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print the answer as JSON instead of text")
    output.add_argument(
        "--picture",
        type=Path,
        metavar="OUT.png",
        help="draw the photo and its neighbours, with titles and prices, into this file; default: no picture",
    )
    add_options(parser)
    return parser


def arguments() -> argparse.Namespace:
    """The arguments. A wrong one ends the process with exit code 2."""
    parser = command_line()
    args = parser.parse_intermixed_args()
    if len(args.photo) > MOST_PHOTOS:
        parser.error(f"there are {len(args.photo)} photos; a request takes 1 to {MOST_PHOTOS}, of the same thing")
    return args


def main() -> int:
    """Exit code 0 with an answer, 1 without an answer from the API, 2 for bad arguments or a bad photo file."""
    args = arguments()
    auth = None
    try:
        # Report a bad file before calling the API.
        if args.picture:
            check_picture(args.picture)
        for photo in args.photo:
            photo.open("rb").close()
        auth = chosen_auth(args, os.environ)
        with requests.Session() as session:
            session.auth = auth
            _ask(LookalikeClient(args.url, session), args)
    except ClientError as exc:
        hint = (REFUSED if auth else MISSING).get(exc.status or 0, "")
        return _fail(f"{exc}{hint}", 1)
    except (AuthError, PictureError) as exc:
        return _fail(str(exc), 2)
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe. Without this, flushing the buffer at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as exc:
        return _fail(f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc), 2)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"scripts/ask: {plain(message)}", file=sys.stderr)
    return code


def _ask(client: LookalikeClient, args: argparse.Namespace) -> None:
    asked: dict[str, Any] = {name: value for name in ASKED if (value := getattr(args, name)) is not None}
    answer = client.predict(args.photo, **asked)
    if args.json:
        print(json_of(answer))
    else:
        print("\n".join(lines_of(answer)))
    if args.picture:
        save_picture(_picture(client, args.photo[0], answer), args.picture)
        if not args.json:
            print(f"\npicture: {args.picture}")


def _picture(client: LookalikeClient, photo: Path, answer: PredictAnswer) -> Image.Image:
    query = Tile(open_photo(photo.read_bytes()), answer.category, ("your photo",))
    tiles = [
        Tile(_photo(client, near), title_of(near), (price_of(near), near.category, score_of(near)))
        for near in answer.results
    ]
    return draw_picture(query, tiles)


def _photo(client: LookalikeClient, neighbour: Neighbour) -> Image.Image | None:
    try:
        return open_photo(client.photo(neighbour))
    except (ClientError, PictureError) as exc:
        # If one photo is missing, still draw the others.
        _fail(f"no photo of {neighbour.image_id}: {exc}", 0)
        return None


if __name__ == "__main__":
    sys.exit(main())
