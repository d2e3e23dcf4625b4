"""Where the jobs of a sweep run: processes of this machine, or the workers of a Dask cluster.

Both are `concurrent.futures` executors behind one seam, `run`. A worker that dies takes its job
with it; the job is given to another one, `ATTEMPTS` times at most.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from allocator.errors import InputError, NoPlanError, Problem

Answer = TypeVar("Answer")
Pool = tuple[Executor, int]
"""An executor, and how many jobs to give it at once."""
ATTEMPTS = 4
"""Workers that a job may outlive."""


def run(
    job: Callable[[Any, Any], Answer],
    shared: bytes,
    tasks: Mapping[str, Any],
    scheduler: str | None = None,
    workers: int = 1,
) -> Iterator[tuple[str, Answer]]:
    """Run `job(shared, task)` for every task and yield (key, answer) as each is done.

    Parameters
    ----------
    shared
        what all jobs need.
    scheduler
        address of a Dask scheduler; None: processes here.
    workers
        processes here.

    Raises
    ------
    InputError
        No scheduler answers at the address.
    NoPlanError
        A job lost `ATTEMPTS` workers: it, not they, is what fails.
    """
    lost = dict.fromkeys(tasks, 0)
    left = dict(tasks)
    while able := {key: task for key, task in left.items() if lost[key] < ATTEMPTS}:
        with _processes(workers) if scheduler is None else _cluster(scheduler) as (pool, window):
            for key, answer in _answers(pool, window, job, shared, able, lost):
                del left[key]
                yield key, answer
    if left:
        names = ", ".join(list(left)[:5])
        raise NoPlanError(f"{len(left)} jobs lost {ATTEMPTS} workers each: {names}; is there memory enough?")


def _answers(
    pool: Executor,
    window: int,
    job: Callable[[Any, Any], Any],
    shared: bytes,
    tasks: Mapping[str, Any],
    lost: dict[str, int],
) -> Iterator[tuple[str, Any]]:
    """Answers until all are there, or until the pool is broken; at most `window` jobs are out at once."""
    waiting, open_ = list(tasks.items())[::-1], dict[Future[Any], str]()
    while waiting or open_:
        try:
            while waiting and len(open_) < window:
                open_[pool.submit(job, shared, waiting[-1][1])] = waiting[-1][0]
                waiting.pop()
        except BrokenProcessPool:
            waiting.clear()
        for future in wait(open_, return_when=FIRST_COMPLETED).done:
            key = open_.pop(future)
            try:
                yield key, future.result()
            except Exception as error:
                if not _died(error):
                    raise
                lost[key] += 1
                waiting.clear()


def _died(error: Exception) -> bool:
    """Did a worker die, rather than the job fail?"""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ in ("KilledWorker", "TerminatedWorkerError")


def _attend(driver: int) -> None:
    """End this worker when its driver is gone: one that was killed cannot end it. Ctrl-C is the driver's to heed."""
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _processes(workers: int) -> Iterator[Pool]:
    from joblib.externals.loky import ProcessPoolExecutor

    pool = ProcessPoolExecutor(max_workers=workers, initializer=_attend, initargs=(os.getpid(),))
    try:
        # no more than can run: who is lost with a worker then is who ran on it
        yield pool, workers
    finally:
        pool.shutdown(wait=True, kill_workers=True)


@contextmanager
def _cluster(address: str) -> Iterator[Pool]:
    try:
        from distributed import Client
    except ImportError:
        way = "Dask, which is not installed: pip install 'allocator[cluster]'"
        raise InputError([Problem("--scheduler", None, None, address, way, "no_dask")]) from None
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        way = f"the address of a Dask scheduler, such as tcp://host:8786 ({error})"
        raise InputError([Problem("--scheduler", None, None, address, way, "no_scheduler")]) from error
    try:
        # the scheduler gives a lost job to another worker by itself
        yield client.get_executor(pure=False), 10_000
    finally:
        client.close()
