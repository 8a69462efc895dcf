"""Groups of listings with the same photo, as a table and as a page with their pictures."""

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from lambda_app.errors import LookalikeError
from lambda_app.photo.preprocessing import load_photo
from lambda_app.photo.rules import Preprocessing
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from operate.catalogue.duplicates import Member, duplicate_groups, live_release
from training.pipeline.files import write_file
from training.prepare.intake.fields.words import counted

COLUMNS = ("group", "image_id", "product_id", "category", "title", "price", "location", "photo", "distance")
MOST_SHOWN = 500  # groups on the page; the table has all
_PRINTED = 20
_SIDE, _QUALITY = 160, 75
_STYLE = """body{font:15px/1.4 system-ui,sans-serif;margin:24px;color:#222;background:#fff}
section{border-top:1px solid #ccc;padding:12px 0}h2{font-size:1rem}
ul{display:flex;flex-wrap:wrap;gap:14px;list-style:none;margin:0;padding:0}
li{width:170px;overflow-wrap:anywhere}img{display:block;width:160px;height:160px;object-fit:contain;background:#eee}
@media (prefers-color-scheme: dark){body{color:#ddd;background:#181818}img{background:#333}}"""


def tell_duplicates(store: Store, settings: Settings, table: Path | None, page: Path | None) -> None:
    """Find the groups of the live release, print them in short, and write the files that are named."""
    groups = duplicate_groups(live_release(store, settings), store)
    photos = sum(len(group) for group in groups)
    print(f"{counted(len(groups), 'group')} of listings with the same photo; {counted(photos, 'photo')} in all")
    for number, group in enumerate(groups[:_PRINTED], start=1):
        print(f"  {number}: {', '.join(member.item.image_id for member in group)}")
    if len(groups) > _PRINTED:
        print(f"  and {len(groups) - _PRINTED:,} more{'' if table else '; --csv FILE lists all of them'}")
    if table is not None:
        write_table(table, groups)
    if page is not None:
        write_page(page, groups, store)


def write_table(path: Path, groups: Sequence[Sequence[Member]]) -> None:
    """A CSV file with a row for each photo; `distance` is that to the nearest photo of its group."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, group in enumerate(groups, start=1):
        for member in group:
            fields = [getattr(member.item, name) for name in COLUMNS[1:-1]]
            writer.writerow([number, *fields, f"{member.distance:.3f}"])
    write_file(path, file.getvalue().encode())


def write_page(path: Path, groups: Sequence[Sequence[Member]], store: Store) -> None:
    """A page that contains its pictures, with at most 500 groups."""
    sections = [_section(number, group, store) for number, group in enumerate(groups[:MOST_SHOWN], start=1)]
    left = len(groups) - len(sections)
    note = f"<p>{left:,} more {'group is' if left == 1 else 'groups are'} in the table.</p>" if left > 0 else ""
    text = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Listings with the same photo</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><h1>Listings with the same photo</h1><p>{counted(len(groups), 'group')}.</p>\n{''.join(sections)}{note}"
        "</body></html>\n"
    )
    write_file(path, text.encode())


def _section(number: int, group: Iterable[Member], store: Store) -> str:
    shown = "".join(_entry(member, store) for member in group)
    return f"<section><h2>Group {number}</h2><ul>{shown}</ul></section>\n"


def _entry(member: Member, store: Store) -> str:
    item = member.item
    title = escape(item.title or "Untitled")
    ids = f"{escape(item.image_id)}, product {escape(item.product_id)}"
    return f"<li>{_picture(item.photo, title, store)}<b>{title}</b><br>{ids}<br>{escape(item.category)}</li>"


def _picture(key: str, title: str, store: Store) -> str:
    """The picture as part of the page, or in words why there is none."""
    try:
        photo = load_photo(store.read(key), Preprocessing(size=_SIDE)).overview
    except (LookalikeError, OSError) as exc:
        return f"<p>No picture: {escape(str(exc)[:200])}</p>"
    photo.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=_QUALITY)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{title}" src="data:image/jpeg;base64,{data}">'
