"""Two processes meet at a barrier, twice each time; speaks the protocol of ../src/peer.rs.

Prints the microseconds of two meetings, as the mean of the count given on the command line.
"""

import multiprocessing
import sys
import time


def meet(barrier):
    while True:
        barrier.wait()


def main():
    count = int(sys.argv[1])
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    context.Process(target=meet, args=(barrier,), daemon=True).start()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(count):
            barrier.wait()
            barrier.wait()
        print((time.perf_counter() - start) / count * 1e6, flush=True)


if __name__ == "__main__":
    main()
