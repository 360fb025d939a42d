"""Run the stages of a stream at the same time: an iterator enters, the same items leave sooner."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item]) -> Iterator[Item]:
    """Make the next item in a thread of its own while the caller works on this one.

    One item waits at most, so memory stays bounded. An exception in the thread is raised here.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, items, None)
        try:
            while (item := waiting.result()) is not None:
                waiting = thread.submit(next, items, None)
                yield item
        finally:
            waiting.cancel()
            thread.shutdown()
            if isinstance(items, Generator):
                items.close()
