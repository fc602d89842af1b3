"""Items from some processes to as many others by a queue; speaks the protocol of ../src/peer.rs.

Arguments: the bytes of an item (8 is a number), how many items each puts, how many put and get, and
1 to keep the two sides on a core each. Prints millions of items a second; of items from 1 MiB on,
megabytes.
"""

import multiprocessing
import os
import sys
import time


def make(size, number):
    return number if size == 8 else number.to_bytes(8, "little") + bytes(size - 8)


def number_of(item):
    return item if isinstance(item, int) else int.from_bytes(item[:8], "little")


def put_all(queue, size, count):
    for number in range(1, count + 1):
        queue.put(make(size, number))


def keep_putting(start, queue, size, count):
    while True:
        start.wait()
        put_all(queue, size, count)


def keep_getting(start, queue, count, sums):
    while True:
        start.wait()
        sums.put(sum(number_of(queue.get()) for _ in range(count)))


def main():
    size, count, sides, apart = map(int, sys.argv[1:])
    cores = sorted(os.sched_getaffinity(0))[:2]
    context = multiprocessing.get_context("fork")
    queue, sums = context.Queue(1024 if size < 1 << 20 else 4), context.SimpleQueue()
    start = context.Barrier(2 * sides)
    if apart:
        os.sched_setaffinity(0, cores[-1:])
    for _ in range(sides):
        args = (start, queue, count, sums)
        context.Process(target=keep_getting, args=args, daemon=True).start()
    if apart:
        os.sched_setaffinity(0, cores[:1])
    for _ in range(sides - 1):
        args = (start, queue, size, count)
        context.Process(target=keep_putting, args=args, daemon=True).start()
    worth = 1 if size < 1 << 20 else size
    print("ready", flush=True)
    for _ in sys.stdin:
        start.wait()
        began = time.perf_counter()
        put_all(queue, size, count)
        total = sum(sums.get() for _ in range(sides))
        took = time.perf_counter() - began
        assert total == sides * count * (count + 1) // 2, total
        print(sides * count * worth / took / 1e6, flush=True)


if __name__ == "__main__":
    main()
