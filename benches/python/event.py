"""Two processes wake each other by events; speaks the protocol of ../src/peer.rs.

Prints the microseconds there and back, as the mean of the count given on the command line.
"""

import multiprocessing
import sys
import time


def answer(there, back):
    while True:
        there.wait()
        there.clear()
        back.set()


def main():
    count = int(sys.argv[1])
    context = multiprocessing.get_context("fork")
    there, back = context.Event(), context.Event()
    context.Process(target=answer, args=(there, back), daemon=True).start()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(count):
            there.set()
            back.wait()
            back.clear()
        print((time.perf_counter() - start) / count * 1e6, flush=True)


if __name__ == "__main__":
    main()
