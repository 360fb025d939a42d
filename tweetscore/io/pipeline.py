"""Go through items in less time, or a second time without making them again."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

Item = TypeVar("Item")

SECONDS_TO_CTRL_C = 0.5


def result_of(future: Future[Item]) -> Item:
    """Wait for what a thread makes, but not for Ctrl-C.

    Polars has a handler for it, and its signal does not end a wait without a limit.
    """
    while not wait([future], SECONDS_TO_CTRL_C).done:
        pass
    return future.result()


def prefetch(items: Iterator[Item], stop: Callable[[], None] = lambda: None) -> Iterator[Item]:
    """Make the next item in a thread of its own while the caller works on this one.

    The first one is begun at once. One item waits at most, so memory stays bounded. An exception in
    the thread is raised where its item is asked for. On Ctrl-C ``stop`` is called, so that nobody
    waits for an item that takes long.
    """
    thread = ThreadPoolExecutor(1)
    return _prefetched(items, stop, thread, thread.submit(next, items, None))


def _prefetched(
    items: Iterator[Item],
    stop: Callable[[], None],
    thread: ThreadPoolExecutor,
    waiting: "Future[Item | None]",
) -> Iterator[Item]:
    with thread:
        try:
            while (item := result_of(waiting)) is not None:
                waiting = thread.submit(next, items, None)
                yield item
        except KeyboardInterrupt:
            stop()
            raise
        finally:
            waiting.cancel()
            thread.shutdown()
            if isinstance(items, Generator):
                items.close()


class Replay(Generic[Item]):
    """Items that are gone through more than once: from memory where they fit, else made again."""

    def __init__(
        self, make: Callable[[], Iterator[Item]], size: Callable[[Item], int], most_bytes: int
    ) -> None:
        """Take what makes the items, the bytes of one, and how many bytes of them are kept."""
        self._make, self._size, self._most_bytes = make, size, most_bytes
        self._kept: list[Item] | None = None

    def __iter__(self) -> Iterator[Item]:
        """Yield the items from the first one on."""
        if self._kept is not None:
            yield from self._kept
            return
        kept, left = list[Item](), self._most_bytes
        for item in self._make():
            if (left := left - self._size(item)) < 0:
                kept.clear()
            else:
                kept.append(item)
            yield item
        if left >= 0:
            self._kept = kept
