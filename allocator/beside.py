"""One piece of work beside the main one: on a second core where there is one, else on the spot.

The work runs in a forked process, so it sees all arrays without copying them, and hands back what
it returns and the news it tells. Same work, same answer, wherever it ran.
"""

from __future__ import annotations

import mmap
import multiprocessing
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Lock
from typing import Any

from allocator.limits import Progress, Watch

GRACE = 1.2
"""Share of the time limit after which work beside the main one is given up."""
ROOM = 1 << 26
"""Bytes of what is shared, at most; memory is taken up as it is written."""


class Shelf:
    """The last thing that one process left for the other: nobody waits for it to be fetched."""

    def __init__(self, lock: Lock):
        self._lock, self._memory = lock, mmap.mmap(-1, ROOM)

    def put(self, what: object) -> None:
        data = pickle.dumps(what)
        if len(data) + 8 <= ROOM:
            with self._lock:
                self._memory[: 8 + len(data)] = len(data).to_bytes(8, "little") + data

    def get(self) -> Any:
        """None where there is nothing yet, or a process that was stopped holds it."""
        if not self._lock.acquire(timeout=1.0):
            return None
        try:
            size = int.from_bytes(self._memory[:8], "little")
            return pickle.loads(self._memory[8 : 8 + size]) if size else None
        finally:
            self._lock.release()


class Beside:
    """Starts `work(watch)` at once; `result` waits for it."""

    def __init__(self, work: Callable[[Watch], Any], watch: Watch, apart: bool):
        self._watch, self._work = watch, work
        self._left: Any = None
        self._answer: Any = None
        self._done = False
        self._process: multiprocessing.process.BaseProcess | None = None
        if apart and "fork" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("fork")
            self._news, child = context.Pipe(duplex=False)
            self._shelf, self._window = Shelf(context.Lock()), Shelf(context.Lock())
            shelves = self._shelf, self._window
            self._process = context.Process(target=_run, args=(work, watch, child, *shelves), daemon=True)
            self._process.start()
            child.close()

    def hear(self) -> None:
        """Pass on the news that has come."""
        while self._process is not None and not self._done and self._news.poll():
            self._take()

    @property
    def done(self) -> bool:
        """Is the answer there?"""
        self.hear()
        return self._done

    def shared(self) -> Any:
        """What the work has left so far for others to use; None where there is nothing."""
        return self._shelf.get() if self._process is not None else self._left

    def _leave(self, what: object) -> None:
        self._left = what

    def show(self, what: object) -> None:
        """Leave something for the work to look at when it likes; it takes the place of what was there."""
        if self._process is not None and not self._done:
            self._window.put(what)

    def result(self) -> Any:
        """What the work returned; None where it was stopped or failed in its process."""
        if self._process is None:
            return self._answer if self._done else self._work(replace(self._watch, share=self._leave))
        while not self._done:
            if self._watch.stopped or self._late():
                self._process.terminate()
                break
            if self._news.poll(0.2):
                self._take()
        self._process.join()
        return self._answer

    def _late(self) -> bool:
        """Is the work so far beyond the limit that nobody should wait for it?"""
        seconds = self._watch.limits.seconds
        return seconds is not None and self._watch.seconds > GRACE * seconds + 10

    def _take(self) -> None:
        try:
            kind, what = self._news.recv()
        except EOFError:
            self._done = True
            return
        if kind == "news" and self._watch.listen is not None:
            self._watch.listen(what)
        elif kind == "answer":
            self._answer, self._done = what, True


def _run(work: Callable[[Watch], Any], watch: Watch, pipe: Connection, shelf: Shelf, window: Shelf) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def listen(news: Progress) -> None:
        pipe.send(("news", news))

    pipe.send(("answer", work(Watch(watch.limits, listen, watch.started, shelf.put, window.get))))
    pipe.close()
