"""Start and join of a process by Python's fork server; speaks the protocol of ../src/peer.rs.

Prints the microseconds for one process, as the mean of the count given on the command line.
"""

import multiprocessing
import sys
import time


def nothing():
    pass


def start_and_join(context):
    process = context.Process(target=nothing)
    process.start()
    process.join()
    assert process.exitcode == 0, process.exitcode


def main():
    count = int(sys.argv[1])
    context = multiprocessing.get_context("forkserver")
    start_and_join(context)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(count):
            start_and_join(context)
        print((time.perf_counter() - start) / count * 1e6, flush=True)


if __name__ == "__main__":
    main()
