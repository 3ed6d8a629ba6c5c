"""What was deleted since it was told of: who hears of it late hears no content that is gone."""

import dataclasses
from collections.abc import Collection, Iterable
from typing import Any, Final

import orjson

from service.realtime import feed

PAGE: Final = 500  # entries of each stream


class Removed:
    """What is gone by now, by its id: all that may be told of it below moderator."""

    def __init__(self) -> None:
        self._ends: dict[str, dict[str, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._ends)

    def note(self, entries: Iterable[feed.Entry]) -> None:
        """Takes down what these entries, later than all before, delete or restore."""
        for entry in entries:
            if entry.type in ("post.deleted", "comment.deleted", "attachment.removed"):
                data = orjson.loads(entry.payload)["data"]
                self._ends[data["id"]] = data
            elif entry.type in ("post.restored", "comment.restored"):
                self._ends.pop(orjson.loads(entry.payload)["subject_id"], None)

    def readable(self, entry: feed.Entry) -> feed.Entry:
        """The entry without the content of what is gone; itself where there is none."""
        if not self._ends:
            return entry
        event = orjson.loads(entry.payload)
        ids = (event["data"].get("id"), event["subject_id"], event["post_id"])
        end = next((self._ends[one] for one in ids if one in self._ends), None)
        if end is None or event["data"].keys() == {"id", "deleted_at"}:
            return entry
        event["data"] = {"id": ids[0], "deleted_at": end["deleted_at"]}
        return dataclasses.replace(entry, payload=orjson.dumps(event))


async def survey(
    source: feed.Feed, after: int, top: int, groups: Collection[str]
) -> tuple[Removed, bool]:
    """What is gone by `top` of what these groups were told behind `after`; whether nothing of the
    streams is missing between the two.
    """
    removed = Removed()
    place = after
    while place < top:
        entries = await page(source, place)
        whole = feed.unbroken(entries, place)
        removed.note(entry for entry in whole if entry.group_id in groups)
        if not entries or len(whole) < len(entries):
            return removed, False
        place = entries[-1].place
    return removed, True


async def page(source: feed.Feed, after: int) -> list[feed.Entry]:
    """The entries behind a place, once Redis gives them."""
    return await source.patiently(lambda: source.read(after, PAGE))
