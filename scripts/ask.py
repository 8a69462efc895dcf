"""Ask a running API about a photo: its category, its embedding and the most similar listings."""

import argparse
import os
import sys
from pathlib import Path

import requests
from PIL import Image

from client.api import CategoryAnswer, ClientError, FeaturesAnswer, LookalikeClient, Neighbour
from client.auth import AuthError, add_options, chosen_auth
from client.picture import PictureError, Tile, draw_picture, open_photo, picture_format, save_picture

FIRST_NUMBERS = 6
# API Gateway itself answers no more than "Unauthorized" or "Forbidden".
MISSING = {401: "; this deployment takes a token: --token", 403: "; this deployment may take signed requests: --sigv4"}
REFUSED = {
    401: "; the token may have expired (many last an hour), or is of another issuer",
    403: "; the credentials may lack execute-api:Invoke on this API, or the region is wrong",
}


def main() -> int:
    """Exit code 0 with an answer, 1 without an answer from the API, 2 for bad arguments or a bad photo file."""
    parser = argparse.ArgumentParser(prog="scripts/ask", description=__doc__)
    parser.add_argument("photo", type=Path, help="a JPEG, PNG, WebP or AVIF file")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="URL of the API; default: %(default)s")
    parser.add_argument("--k", type=int, default=4, help="number of similar listings; default: %(default)s")
    parser.add_argument(
        "--picture", type=Path, metavar="OUT.png", help="write a picture of the photo and its neighbours to this file"
    )
    add_options(parser)
    args = parser.parse_args()
    try:
        # Report a bad file name before calling the API.
        if args.picture:
            picture_format(args.picture)
        args.photo.open("rb").close()
        auth = chosen_auth(args, os.environ)
        with requests.Session() as session:
            session.auth = auth
            _ask(LookalikeClient(args.url, session), args.photo, args.k, args.picture)
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
    print(f"scripts/ask: {_plain(message)}", file=sys.stderr)
    return code


def _ask(client: LookalikeClient, photo: Path, k: int, out: Path | None) -> None:
    print(f"{client.url}: {_plain(client.healthcheck())}")
    category = client.category(photo)
    _print_category(category)
    _print_features(client.feature_embedding(photo))
    neighbours = client.similar_images(photo, k).results
    _print_neighbours(neighbours)
    if out:
        query = Tile(open_photo(photo.read_bytes()), category.category, "your photo")
        tiles = [Tile(_photo(client, near), near.category, f"score {near.score:.3f}") for near in neighbours]
        save_picture(draw_picture(query, tiles), out)
        print(f"\npicture: {out}")


def _photo(client: LookalikeClient, neighbour: Neighbour) -> Image.Image | None:
    try:
        return open_photo(client.photo(neighbour))
    except (ClientError, PictureError) as exc:
        # If one photo is missing, still draw the others.
        _fail(f"no photo of {neighbour.image_id}: {exc}", 0)
        return None


def _print_category(answer: CategoryAnswer) -> None:
    print(f"\ncategory: {_plain(answer.category)} (index {answer.category_index})")
    for entry in answer.probabilities:
        print(f"  {entry.probability:7.2%}  {_plain(entry.category)}")


def _print_features(answer: FeaturesAnswer) -> None:
    for name, values in (("features", answer.features), ("embedding", answer.embedding)):
        first = " ".join(f"{value:.4f}" for value in values[:FIRST_NUMBERS])
        print(f"{name}: {len(values)} numbers: {first}{' ...' if len(values) > FIRST_NUMBERS else ''}")


def _print_neighbours(neighbours: list[Neighbour]) -> None:
    if not neighbours:
        print("\nno similar listings")
        return
    rows = [("score", "category", "price", "title", "image id")]
    for near in neighbours:
        title = _plain(near.title or "untitled")
        title = title if len(title) <= 40 else f"{title[:39]}…"
        rows.append((f"{near.score:.4f}", _plain(near.category), _price(near), title, _plain(near.image_id)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _price(neighbour: Neighbour) -> str:
    if neighbour.price is None:
        return "no price"
    return f"{neighbour.price:,.2f} {_plain(neighbour.currency or '')}".rstrip()


def _plain(text: str) -> str:
    """Text without characters that control a terminal: escapes, carriage returns, direction marks."""
    return "".join(char if char.isprintable() else " " for char in text)


if __name__ == "__main__":
    sys.exit(main())
