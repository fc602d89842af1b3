"""A number to another process on the same core and back, by a queue each way; speaks the protocol of
../src/peer.rs.

Prints the microseconds of one trip, as the median of the count given on the command line.
"""

import multiprocessing
import os
import statistics
import sys
import time


def answer(there, back):
    while True:
        back.put(there.get())


def trip(there, back, number):
    start = time.perf_counter()
    there.put(number)
    assert back.get() == number
    return (time.perf_counter() - start) * 1e6


def main():
    count = int(sys.argv[1])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    context = multiprocessing.get_context("fork")
    there, back = context.Queue(), context.Queue()
    context.Process(target=answer, args=(there, back), daemon=True).start()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(statistics.median(trip(there, back, n) for n in range(count)), flush=True)


if __name__ == "__main__":
    main()
