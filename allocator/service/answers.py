"""Answers ready to be sent: bytes, compressed, with a tag; those of published runs are kept."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from flask import Response, request

SMALLEST = 500
"""Bytes below which compressing is not worth it."""
COMPRESSED = ("application/json", "text/csv", "text/calendar", "text/html")
REVALIDATE = "private, no-cache"
VARY = "Accept, Accept-Encoding, Authorization"


def _version() -> str:
    try:
        return version("allocator")
    except PackageNotFoundError:
        return "source"


VERSION = _version()


@dataclass(frozen=True)
class Answer:
    """A body with its media type and tag; `headers` are those beside."""

    body: bytes
    media: str
    tag: str
    headers: Mapping[str, str] = field(default_factory=dict)
    squeezed: bytes = b""
    """The body in gzip; empty where that is not worth it."""

    @property
    def size(self) -> int:
        return len(self.body) + len(self.squeezed)

    def response(self, fresh: bool = False) -> Response:
        """Return what this request gets of it: all, all in gzip, or (not `fresh`) that nothing has changed."""
        if not fresh and matches(self.tag):
            return unchanged(self.tag)
        packed = bool(self.squeezed) and accepts_gzip()
        response = Response(self.squeezed if packed else self.body, content_type=self.media)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        response.headers.update(self.headers)
        return tagged(response, self.tag)


def answer(body: bytes, media: str, tag: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer, compressed once for all who ask."""
    worth = len(body) >= SMALLEST and media.split(";")[0] in COMPRESSED
    return Answer(body, media, tag, headers or {}, gzip.compress(body, 6, mtime=0) if worth else b"")


def tag_of(*facts: object) -> str:
    """Return the tag of an answer that these facts decide: no need to make it to know it."""
    return hashlib.sha256(repr((VERSION, *facts)).encode()).hexdigest()[:32]


def matches(tag: str) -> bool:
    """Tell whether the caller has this answer already."""
    found = request.if_none_match
    return found.star_tag or found.contains_weak(tag)


def unchanged(tag: str) -> Response:
    return tagged(Response(status=304), tag)


def tagged(response: Response, tag: str) -> Response:
    """A weak tag: the same rows, however they are packed."""
    response.headers["ETag"] = f'W/"{tag}"'
    response.headers["Cache-Control"] = REVALIDATE
    response.headers["Vary"] = VARY
    return response


def accepts_gzip() -> bool:
    return request.accept_encodings["gzip"] > 0


class Shelf:
    """Answers kept up to so many bytes; the one unused for longest goes first."""

    def __init__(self, size: int):
        self._size, self._used = size, 0
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Answer | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, made: Answer) -> None:
        if made.size > self._size // 4:
            return
        with self._lock:
            if key in self._kept:
                self._used -= self._kept.pop(key).size
            self._kept[key] = made
            self._used += made.size
            while self._used > self._size:
                self._used -= self._kept.popitem(last=False)[1].size
