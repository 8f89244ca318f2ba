#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The benchmark's rows in CPython: on asyncio's own loop, or on uvloop's if it is started by the
name uvloop.

A yield is `await asyncio.sleep(0)`, which goes through the loop's queue of what is ready. Results
in order of completion come from asyncio.as_completed().

The rows job_… wait by sleeps, of the loop or of the thread: there is no descriptor to wait for, as
ours do, which would be a little dearer."""

import asyncio
import concurrent.futures
import functools
import multiprocessing
import os
import platform
import random
import resource
import socket
import sys
import time

PEER = "uvloop" if os.path.basename(sys.argv[0]) == "uvloop" else "asyncio"
if PEER == "uvloop":
    import uvloop

WRONG, USAGE_ERROR, CANNOT = 1, 2, 3
CHILDREN = 100
LONG = 3600


def end(status, sentence):
    print("%s: %s" % (PEER, sentence), file=sys.stderr)
    sys.exit(status)


def check(holds, sentence):
    if not holds:
        end(WRONG, sentence)


def memory():
    """Bytes of this process: what it has in memory, and the page tables for that."""
    with open("/proc/self/status") as status:
        return sum(1024 * int(line.split()[1])
                   for line in status if line.startswith(("VmRSS:", "VmPTE:")))


async def nothing():
    pass


async def number(i):
    return i


async def yield_times(times):
    for _ in range(times):
        await asyncio.sleep(0)
    return times


async def yields(tasks, n):
    async with asyncio.TaskGroup() as group:
        done = [group.create_task(yield_times((n + i) // tasks)) for i in range(tasks)]
    check(sum(task.result() for task in done) == n, "not all have yielded")
    return {"ops": n}


async def spawn_await(n):
    total = 0
    for i in range(n):
        total += await asyncio.create_task(number(i))
    check(total == n * (n - 1) // 2, "wrong results")
    return {"ops": n}


async def spawn_all(n):
    total = 0
    tasks = [asyncio.create_task(number(i)) for i in range(n)]
    for task in tasks:
        total += await task
    check(total == n * (n - 1) // 2, "wrong results")
    return {"ops": n}


async def play(come, go, times):
    """Answers so many numbers, each with the next one."""
    last = 0
    for _ in range(times):
        last = await come.get() + 1
        await go.put(last)
    return last


async def queue_ping(n):
    there, back = asyncio.Queue(), asyncio.Queue()
    there.put_nowait(0)
    async with asyncio.TaskGroup() as group:
        players = [group.create_task(play(there, back, (n + 1) // 2)),
                   group.create_task(play(back, there, n // 2))]
    check(max(player.result() for player in players) == n, "not all has been handed over")
    return {"ops": n}


async def wait_random(most):
    delay = random.uniform(0, most)
    await asyncio.sleep(delay)
    return delay


async def wait_all(n, most):
    """n tasks that sleep, their results as they come."""
    taken = out_of_order = last = longest = 0
    before, start = memory(), time.monotonic()
    tasks = [asyncio.create_task(wait_random(most)) for _ in range(n)]
    await asyncio.sleep(0)  # Tasks run first come, first served: now all are asleep.
    size = memory() - before
    for task in asyncio.as_completed(tasks):
        delay = await task
        taken += 1
        out_of_order += delay < last
        last = delay
        longest = max(longest, delay)
    wall = time.monotonic() - start
    check(taken == n, "not all results have come")
    return {"tasks": taken, "bytes_per_task": size / n, "beyond_s": wall - longest,
            "wall_s": wall, "out_of_order": out_of_order}


async def sleepers(n):
    return await wait_all(n, 10)


async def wait_n(n):
    found = await wait_all(n, 1 if n <= 100000 else 10)
    return {"out_of_order": found["out_of_order"], "beyond_ms": 1000 * found["beyond_s"]}


async def timers(n):
    loop = asyncio.get_running_loop()
    delays = [random.uniform(1, 1000) for _ in range(n)]
    start = time.thread_time_ns()
    handles = [loop.call_later(delay, int) for delay in delays]
    set_ns = time.thread_time_ns() - start
    random.shuffle(handles)
    half = handles[:n // 2]
    start = time.thread_time_ns()
    for handle in half:
        handle.cancel()
    cancel_ns = time.thread_time_ns() - start
    check(sum(handle.cancelled() for handle in handles) == n // 2, "not the timers cancelled")
    return {"set_ns": set_ns / n, "cancel_ns": cancel_ns / max(n // 2, 1)}


class Failure(Exception):
    pass


async def fail():
    raise Failure


async def group(n):
    failed = cancelled = 0
    for _ in range(n):
        try:
            async with asyncio.TaskGroup() as children:
                others = [children.create_task(asyncio.sleep(LONG)) for _ in range(CHILDREN - 1)]
                children.create_task(fail())  # It runs last, when the others are asleep.
        except ExceptionGroup as raised:
            failed += isinstance(raised.exceptions[0], Failure)
        cancelled += sum(task.cancelled() for task in others)
    check(failed == n and cancelled == n * (CHILDREN - 1), "not each group was cancelled")
    return {"ops": n}


def next_number(i):
    return i + 1


async def call_times(times):
    done = 0
    while done < times:
        done = await asyncio.to_thread(next_number, done)
    return done


async def to_thread(at_once, n):
    async with asyncio.TaskGroup() as callers:
        done = [callers.create_task(call_times((n + i) // at_once)) for i in range(at_once)]
    check(sum(task.result() for task in done) == n, "not all calls were made")
    return {"ops": n}


async def contend(tasks, make, n):
    """Tasks that hold a lock n times in all. They all wait for it before it is handed over."""
    lock, handed_over = make(), 0

    async def hold(times):
        nonlocal handed_over
        for _ in range(times):
            async with lock:
                handed_over += 1

    await lock.acquire()
    async with asyncio.TaskGroup() as group:
        for i in range(tasks):
            group.create_task(hold((n + i) // tasks))
        await asyncio.sleep(0)
        lock.release()
    check(handed_over == n, "not as many hand-overs")
    return {"ops": n}


# ---- one job in five ways --------------------------------------------------------------------

WAITS, COMPUTES = 1, 2      # what an item does
WAIT_S, BELOW, PRIMES, WORKERS = 0.005, 30000, 3245, 32


def count_primes(below):
    found = 0
    for number in range(2, below):
        divisor = 2
        while divisor * divisor <= number and number % divisor != 0:
            divisor += 1
        found += divisor * divisor > number
    return found


def do_item(kind):
    if kind & WAITS:
        time.sleep(WAIT_S)
    return count_primes(BELOW) if kind & COMPUTES else 1


def workers(kind):
    """How many threads or processes there are to be."""
    return WORKERS if kind & WAITS else min(WORKERS, len(os.sched_getaffinity(0)))


def sequential(kind, n):
    return sum(do_item(kind) for _ in range(n))


def threads(kind, n):
    with concurrent.futures.ThreadPoolExecutor(workers(kind)) as pool:
        return sum(pool.map(do_item, [kind] * n))


def processes(kind, n):
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(workers(kind), context) as pool:
        return sum(pool.map(do_item, [kind] * n))


async def gather(item, n):
    return sum(await asyncio.gather(*(item() for _ in range(n))))


def coroutines(kind, n):
    async def item():
        if kind & WAITS:
            await asyncio.sleep(WAIT_S)
        return do_item(kind & COMPUTES)

    return run(gather(item, n))


def both(kind, n):
    async def item():
        loop = asyncio.get_running_loop()
        if kind == WAITS:  # as if there were only a call that blocks
            return await loop.run_in_executor(pool, do_item, kind)
        if kind & WAITS:
            await asyncio.sleep(WAIT_S)
        return await loop.run_in_executor(pool, do_item, COMPUTES)

    with concurrent.futures.ThreadPoolExecutor(workers(kind & COMPUTES or WAITS)) as pool:
        return run(gather(item, n))


def all_cpu():
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(whose)
            for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def job(kind, way, n):
    start, cpu = time.monotonic(), all_cpu()
    found = way(kind, n)
    elapsed, cpu = time.monotonic() - start, all_cpu() - cpu
    check(found == n * (PRIMES if kind & COMPUTES else 1), "wrong results")
    return {"ops": n, "elapsed_ms": 1000 * elapsed, "cpu_ms": 1000 * cpu}


# ---- the program -----------------------------------------------------------------------------


def run(coroutine):
    """asyncio.run() with the loop that is measured."""
    factory = uvloop.new_event_loop if PEER == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(coroutine)


def empty_run(n):
    for _ in range(n):
        run(nothing())
    return {"ops": n}


class Echo(asyncio.Protocol):
    """Answers as data comes, by callbacks."""

    def __init__(self, ended):
        self.ended = ended

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def connection_lost(self, error):
        self.ended()


async def serve(n, start):
    """n connections to the standard input. start(ended) starts a server that calls ended at the
    end of each."""
    all_ended, left = asyncio.Event(), n

    def ended():
        nonlocal left
        left -= 1
        if left == 0:
            all_ended.set()

    async with await start(ended):
        await all_ended.wait()
    return {"ops": n}


async def echo(n):
    loop = asyncio.get_running_loop()
    listener = socket.socket(fileno=sys.stdin.fileno())
    return await serve(n, lambda ended: loop.create_server(lambda: Echo(ended), sock=listener))


async def echo_streams(n):
    async def answer(ended, reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()
        ended()

    listener = socket.socket(fileno=sys.stdin.fileno())
    return await serve(n, lambda ended: asyncio.start_server(
        functools.partial(answer, ended), sock=listener))


ROWS = {
    "yield2": functools.partial(yields, 2),
    "yield1k": functools.partial(yields, 1000),
    "yield100k": functools.partial(yields, 100000),
    "spawn_await": spawn_await,
    "spawn_all": spawn_all,
    "sleepers": sleepers,
    "wait_n": wait_n,
    "timers": timers,
    "group": group,
    "queue_ping": queue_ping,
    "to_thread": functools.partial(to_thread, 1),
    "to_thread_1000": functools.partial(to_thread, 1000),
    "mutex100": functools.partial(contend, 100, asyncio.Lock),
    "mutex100k": functools.partial(contend, 100000, asyncio.Lock),
    "semaphore100": functools.partial(contend, 100, asyncio.Semaphore),
    "semaphore100k": functools.partial(contend, 100000, asyncio.Semaphore),
    "echo": echo,
    "echo_streams": echo_streams,
}
# Those that see to a loop themselves, if they have one.
LOOPLESS = {"empty_run": empty_run}
for name, kind in ("cpu", COMPUTES), ("io", WAITS), ("mixed", WAITS | COMPUTES):
    for way in sequential, coroutines, threads, processes, both:
        LOOPLESS["job_%s_%s" % (name, way.__name__)] = functools.partial(job, kind, way)


def measure(row, n):
    if n == 0:
        run(nothing())
        return {}
    return LOOPLESS[row](n) if row in LOOPLESS else run(ROWS[row](n))


def main():
    if sys.argv[1:] == ["--rows"]:
        print(*ROWS, *LOOPLESS, sep="\n")
    elif sys.argv[1:] == ["--version"]:
        version = uvloop.__version__ + ", " if PEER == "uvloop" else ""
        print("%s %sCPython %s, 1 thread" % (PEER, version, platform.python_version()))
    elif len(sys.argv) != 3 or sys.argv[1] not in ROWS.keys() | LOOPLESS.keys() \
            or not sys.argv[2].isdecimal():
        end(USAGE_ERROR, "usage: %s ROW N, or --rows, or --version" % PEER)
    else:
        try:
            for name, value in measure(sys.argv[1], int(sys.argv[2])).items():
                print(name, value)
        except MemoryError:
            end(CANNOT, "not enough memory for this size")


main()
