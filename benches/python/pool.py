"""Work for two workers of a pool in Python; speaks the protocol of ../src/peer.rs.

Arguments: whose pool (`pool` is multiprocessing's, `futures` that of concurrent.futures, `loky` loky's),
what to measure (a function of this file), and how many calls make a round. What is printed has the
unit of the workload of that name.
"""

import concurrent.futures
import multiprocessing
import sys
import time

WORKERS = 2
MIB = 1 << 20


def same(number):
    return number


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Futures:
    """An executor of concurrent.futures, or one like it, under the names that Pool has."""

    def __init__(self, executor):
        self.executor = executor

    def map(self, function, items, chunksize=1):
        return list(self.executor.map(function, items, chunksize=chunksize))

    def imap(self, function, items, chunksize=1):
        return self.executor.map(function, items, chunksize=chunksize)

    def apply_async(self, function, args):
        return self.executor.submit(function, *args)

    def apply(self, function, args):
        return self.executor.submit(function, *args).result()

    def pids(self):
        return list(self.executor._processes)

    def end(self):
        self.executor.shutdown()


class Pool:
    """A pool of multiprocessing."""

    def __init__(self):
        pool = multiprocessing.Pool(WORKERS)
        self.map, self.imap = pool.map, pool.imap
        self.apply, self.apply_async = pool.apply, pool.apply_async
        self.pool = pool

    def pids(self):
        return [worker.pid for worker in self.pool._pool]

    def end(self):
        self.pool.terminate()
        self.pool.join()


def make(whose):
    if whose == "pool":
        return Pool()
    if whose == "futures":
        return Futures(concurrent.futures.ProcessPoolExecutor(WORKERS))
    import loky

    return Futures(loky.ProcessPoolExecutor(WORKERS))


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def map(pool, count):
    def work():
        assert pool.map(same, range(count), chunksize=1) == list(range(count))

    return count / seconds(work) / 1e6


def submit(pool, count):
    def work():
        handles = [pool.apply_async(same, (number,)) for number in range(count)]
        get = "get" if hasattr(handles[0], "get") else "result"
        assert [getattr(handle, get)() for handle in handles] == list(range(count))

    return count / seconds(work) / 1e6


def apply(pool, count):
    def work():
        for number in range(count):
            assert pool.apply(same, (number,)) == number

    return seconds(work) / count * 1e6


def fibs(pool, count):
    def work():
        assert pool.map(fib, [33] * count, chunksize=1) == [3_524_578] * count

    return seconds(work) * 1e3


def blocks(pool, count):
    blocks = [number.to_bytes(8, "little") + bytes(MIB - 8) for number in range(count)]

    def work():
        for block, back in zip(blocks, pool.imap(same, blocks, chunksize=1)):
            assert block[:8] == back[:8] and len(back) == MIB

    return 2 * MIB * count / seconds(work) / 1e6


def memory(pool, count):
    pool.map(same, range(count))

    def private(pid):
        with open(f"/proc/{pid}/smaps_rollup") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("Private"))

    return max(private(pid) for pid in pool.pids()) / 1024


def start(whose, count):
    took = 0
    for _ in range(count):
        begin = time.perf_counter()
        pool = make(whose)
        pool.map(same, range(WORKERS), chunksize=1)
        took += time.perf_counter() - begin
        pool.end()
    return took / count * 1e3


def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


# Before there is a pool.
BEFORE = status("VmRSS")


def run_through(pool, count):
    wanted = 0
    for value in pool.imap(same, range(count), chunksize=1):
        assert value == wanted
        wanted += 1
    assert wanted == count


def stream(pool, count):
    return count / seconds(lambda: run_through(pool, count)) / 1e6


def stream_memory(pool, count):
    run_through(pool, count)
    return status("VmHWM") - BEFORE


def main():
    whose, what, count = sys.argv[1], globals()[sys.argv[2]], int(sys.argv[3])
    subject = whose if what is start else make(whose)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(what(subject, count), flush=True)
    if subject is not whose:
        subject.end()


if __name__ == "__main__":
    main()
