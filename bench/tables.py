# SPDX-License-Identifier: MIT
"""What `make bench` measures: a table for each row of the programs, in the order in which they are
run. What the words mean is in scripts/benchlib/model.py; README.md here tells how to add a row.

The goals are what the library sets itself on the kind of machine that it is developed on, two cores
of a virtual machine; on another they tell less than the comparison does."""

from benchlib import asked, pages, served
from benchlib.model import (
    Calibrated, Column, Fixed, Goal, Ours, Rounds, Table, Theirs, cpu_each, printed)

FULL = Ours("bide full", "core")
LIGHT = Ours("bide light", "core", ("--light",))
BOTH = (FULL, LIGHT)
FULL_DEBUG = Ours("full, debug", "core", (), {"BIDE_DEBUG": "1"})
LIGHT_DEBUG = Ours("light, debug", "core", ("--light",), {"BIDE_DEBUG": "1"})

FEW = Rounds(ours=3, peers=2, ours_quick=1, peers_quick=1)
# Order under load is a matter of chance, so ours have many chances to be wrong.
MANY = Rounds(ours=20, peers=3, ours_quick=1, peers_quick=1)


def rate(name, title, about, each, goals, ours=BOTH, **more):
    """A row of equal operations, as many as take a certain time."""
    size = Calibrated(more.pop("start", 1000), more.pop("multiple", 1), more.pop("base", 0))
    unit, scale = more.pop("unit", ("ns", 1e9))
    return Table(name, title, about, size, ours,
                 (cpu_each("CPU %s" % each, unit, scale, chart=True),),
                 counts="ops", goals=goals, **more)


def no_slower(ratio=1.0):
    return Goal("cpu", ratio=ratio)


def at_most(full, light):
    """What one operation may take, for each kind of task."""
    return (Goal("cpu", at_most=full, of=FULL.name), Goal("cpu", at_most=light, of=LIGHT.name))


SWITCHING = [
    rate("yield2", "Two tasks take turns",
         "Each yields to the other: one step through the loop and back into a task.",
         "a yield", (*at_most(15, 18), no_slower())),
    rate("yield1k", "A thousand tasks take turns",
         "As above with more tasks than the first-level cache holds.",
         "a yield", (Goal("cpu", at_most=45, of=LIGHT.name), no_slower()), multiple=1000, base=1000),
    rate("queue_ping", "Two tasks hand a number to and fro",
         "Through two queues: each hand-over wakes the other task and waits for its answer.",
         "a hand-over", (*at_most(20, 30), no_slower())),
    rate("yield100k", "A hundred thousand tasks take turns",
         "As above with more tasks than any cache holds.",
         "a yield", (*at_most(200, 45), no_slower()), multiple=100000, base=100000,
         rounds=Rounds(ours=5, peers=5, peers_quick=1)),
]

SPAWNING = [
    rate("spawn_await", "Start a task and await it",
         "One at a time; the task returns a number.",
         "a task", (*at_most(45, 45), no_slower())),
    Table("spawn_all", "Start many tasks, then await them all",
          "Every handle is kept, so all tasks are there at once.",
          Fixed(1000000, 100000), BOTH, (cpu_each("CPU a task", chart=True),),
          counts="ops", goals=(*at_most(110, 110), no_slower())),
    rate("group", "A group of 100 tasks of which one fails",
         "The others sleep, are cancelled and joined.",
         "a group", (*at_most(10, 10), no_slower()), start=50, unit=("µs", 1e6)),
    rate("empty_run", "Open a loop, run nothing, close it",
         "What a run costs that has nothing to do.",
         "a run", (*at_most(15, 15), no_slower()), start=100, unit=("µs", 1e6)),
]

SLEEPING = [
    Table("sleepers", "Many tasks asleep at once",
          "Each sleeps a random time up to 10 s, as the lesson's wait_random(10); the results are "
          "taken in the order of completion.",
          Fixed(1000000, 20000), BOTH,
          (printed("bytes_per_task", "memory a task", "bytes", chart=True),
           cpu_each("CPU a task", "µs", 1e6, chart=True),
           printed("beyond_s", "last late by", "ms", 1e3),
           printed("out_of_order", "out of order", "", keep="max")),
          counts="tasks", rounds=FEW, together_quick=True,
          goals=(Goal("bytes_per_task", at_most=300, of="bide light"),
                 Goal("bytes_per_task", ratio=1.0),
                 Goal("beyond_s", at_most=300, of="bide light"),
                 Goal("cpu", at_most=0.8, of="bide light"), no_slower(),
                 Goal("out_of_order", at_most=0, of="each", must=True))),
    Table("timers", "Timers set and cancelled",
          "As many timers as that, half of which are cancelled in a random order. The time is the "
          "thread's CPU time as the program measures it.",
          Fixed(1000000, 50000, base=None), BOTH,
          (printed("set_ns", "set a timer", "ns", chart=True),
           printed("cancel_ns", "cancel a timer", "ns", chart=True)),
          rounds=FEW, goals=(Goal("set_ns", ratio=1.0), Goal("cancel_ns", ratio=1.0))),
]


def elapsed(name, title, about, goals, ours=BOTH, **more):
    """A row of messages that pass between threads, by the time that passes."""
    return Table(name, title, about, Fixed(10000000, 1000000, base=None), ours,
                 (printed("each_ns", "a message", "ns", chart=True),),
                 counts="ops", goals=goals, **more)


THREADS = [
    rate("to_thread", "A call in a thread and back",
         "One after the other, of a function that adds 1: from the task to the thread and back.",
         "a call", (*at_most(4.5, 4.5), no_slower()), start=100, unit=("µs", 1e6)),
    rate("to_thread_1000", "Calls in threads, a thousand in flight",
         "A thousand tasks, each of which makes one call after the other.",
         "a call", (*at_most(350, 350), no_slower()), multiple=1000),
    elapsed("channel", "Numbers through a channel between two loops, on two cores",
            "With room for 128. One task sends as fast as it can and one receives. The time is that "
            "which passes, as two threads work at once.",
            (Goal("each_ns", ratio=2.0),)),
    elapsed("channel_threads", "Numbers through a channel between two threads without a loop",
            "The same; who finds it full, or empty, is blocked.", (), peers=False,
            ours=(Ours("bide", "core"),)),
    rate("to_thread_bare", "A call in a thread, and what the system alone takes for that",
         "With a condition variable there and an event descriptor back, without a loop.",
         "a call", (), start=100, unit=("µs", 1e6), peers=False,
         ours=(Ours("by bide, full", "core", row="to_thread"),
               Ours("by bide, light", "core", ("--light",), row="to_thread"),
               Ours("without bide", "core", row="bare_thread"))),
]


# The lesson asks it of Python whether coroutines replace threads.
JOB_WAYS = ("sequential", "coroutines", "threads", "processes", "both")


def job(kind, title, about):
    """One job in several ways, of which each is a row of the programs."""
    rows = [(way, "job_%s_%s" % (kind, way)) for way in JOB_WAYS]
    return Table("job_" + kind, title,
                 about + " The figures are of the whole job, as the programs measure them.",
                 Fixed(200, 50, base=None), tuple(Ours(way, "core", row=row) for way, row in rows),
                 (printed("elapsed_ms", "elapsed", "ms", chart=True),
                  printed("cpu_ms", "CPU", "ms")),
                 peers=tuple(Theirs("Python " + way, "asyncio", row) for way, row in rows),
                 peers_quick=False, counts="ops", rounds=Rounds(ours=9, peers=2, ours_quick=1))


JOBS = [
    job("cpu", "A job that computes",
        "Each of its items counts primes for about a millisecond, in Python for longer. There are "
        "as many threads or processes as processors; both: tasks that have threads compute."),
    job("io", "A job that waits",
        "Each of its items waits 5 ms for a descriptor. There are 32 threads or processes; both: "
        "tasks that have threads wait, as for a call that blocks."),
    job("mixed", "A job that waits and computes",
        "Each of its items does what those of the other two jobs do. There are 32 threads or "
        "processes; both: tasks that wait and have as many threads as processors compute."),
]


def order(name, title, about, size, rounds, **more):
    """Results in the order of their delays."""
    return Table(name, title, about, size, more.pop("ours", BOTH),
                 (printed("beyond_ms", "last late by", "ms", chart=True),
                  printed("out_of_order", "out of order", "", keep="max")),
                 row="wait_n", rounds=rounds,
                 goals=(Goal("out_of_order", at_most=0, of="each", must=True),), **more)


ORDER_ABOUT = "Results that are smaller than the one before, and how long after the longest " \
              "delay the last one is there."
ORDER = [
    order("wait_n", "A hundred thousand sleeps in order", ORDER_ABOUT,
          Fixed(100000, 50000, base=None), FEW),
    order("wait_n_busy", "A hundred thousand sleeps in order, every core busy",
          ORDER_ABOUT + " Meanwhile a process for each core does nothing but compute.",
          Fixed(100000, 50000, base=None), MANY, load=True,
          peers_quick=False),
    order("wait_1m", "A million sleeps in order", ORDER_ABOUT,
          Fixed(1000000, base=None), Rounds(ours=3, peers=1)),
    order("wait_1m_busy", "A million sleeps in order, every core busy",
          ORDER_ABOUT + " Meanwhile a process for each core does nothing but compute.",
          Fixed(1000000, base=None), Rounds(ours=20, peers=1), load=True,
          ours=(LIGHT,)),
]


def handed(name, what, about, tasks, goals=()):
    few = tasks == 100
    return rate(name, "A %s among %s tasks" % (what, "a hundred" if few else "a hundred thousand"),
                "All wait for it; it is handed from one to the next, who waits again. With a hundred "
                "thousand it is to cost half as much again, at most, as with a hundred." + about,
                "a hand-over", goals + (no_slower(),), multiple=tasks, base=tasks,
                peers_quick=few, rounds=Rounds(ours=5, peers=5 if few else 3))


BY_YIELDS = " Go and Boost.Fiber do not hand theirs over; there two yields see to it."
HANDING_OVER = [
    handed("mutex100", "mutex", BY_YIELDS, 100),
    handed("mutex100k", "mutex", BY_YIELDS, 100000, at_most(32, 64)),
    handed("semaphore100", "semaphore", "", 100),
    handed("semaphore100k", "semaphore", "", 100000, at_most(32, 64)),
]


def names(name, title, about, goals):
    ways = (("bide full", ""), ("bide light", "_light"), ("getaddrinfo", "_threads"),
            ("the system alone", "_bare"))
    return Table(name, title,
                 about + " Each name is another one, with an address of each family; bide has 100 "
                 "tasks that look names up, getaddrinfo 6 threads. The system alone is a loop of "
                 "send and recv that asks the same and does no more. The CPU time is without the "
                 "server's.",
                 Fixed(10000, 1000, base=None),
                 tuple(Ours(way, "names", row=name + suffix) for way, suffix in ways),
                 (printed("elapsed_us", "elapsed a name", "µs", chart=True),
                  printed("cpu_us", "CPU a name", "µs", chart=True)),
                 peers=False, counts="ops", goals=goals)


NAMES = [
    names("names", "Names, at a server beside it", "A process of the same machine answers at once.",
          (Goal("elapsed_us", ratio=10.0, than="getaddrinfo"),)),
    names("names_far", "Names, at a server that takes 5 ms to answer",
          "As a server of the same town does.",
          (Goal("elapsed_us", ratio=10.0, than="getaddrinfo"),)),
]

# Of ours with streams, with epoll, and where a light task keeps what it receives on its stack.
STREAMS = (Ours("full, streams", "core", row="echo_streams"),
           Ours("light, streams", "core", ("--light",), row="echo_streams"))
ECHOES = BOTH + STREAMS + (
    Ours("light, on its stack", "core", ("--light",), row="echo_little"),
    Ours("full, epoll", "core", (), {"BIDE_BACKEND": "epoll"}),
    Ours("light, epoll", "core", ("--light",), {"BIDE_BACKEND": "epoll"}))
ECHO_PEERS = (
    Theirs("epoll in C", "raw", "echo_epoll"),
    Theirs("io_uring in C", "raw", "echo_uring"),
    Theirs("io_uring multishot", "raw", "echo_multishot"),
    "libuv", "tokio", "go", "node",
    Theirs("asyncio Protocol", "asyncio", "echo"),
    Theirs("asyncio streams", "asyncio", "echo_streams"),
    Theirs("uvloop streams", "uvloop", "echo_streams"))


def near(than, ratio, *of):
    """At most so many times what a peer takes."""
    return tuple(Goal("cpu_us", ratio=1 / ratio, than=than, of=one.name) for one in of)


def echo(name, what, connections, size, goals, ours=ECHOES, quick=None):
    return Table(name, "An echo of %s over %d connections" % (what, connections),
                 "By TCP on one machine. All connections have a message on its way at any time. "
                 "The time is the server's, which has a core of its own, as who asks has.",
                 Fixed(100000, quick, base=None), ours,
                 (printed("cpu_us", "CPU a message", "µs", chart=True),
                  printed("busy_percent", "busy", "%")),
                 row="echo", counts="ops", peers=ECHO_PEERS, goals=goals,
                 rounds=Rounds(ours=7, peers=7), take=served.messages(connections, size))


SMALL_ECHO = (near("io_uring in C", 1.05, *BOTH) + near("io_uring in C", 1.08, *STREAMS) +
              near("epoll in C", 1, *BOTH))
SERVING = [
    echo("echo50", "64 bytes", 50, 64, SMALL_ECHO),
    echo("echo500", "64 bytes", 500, 64, SMALL_ECHO, quick=20000),
    echo("echo500_4k", "4 KiB", 500, 4096, near("io_uring multishot", 1.05, *BOTH),
         ours=tuple(one for one in ECHOES if one.row != "echo_little")),
    Table("idle19k", "Connections that are held, and nothing is said",
          "After one message each, which was answered. The memory is the server's own, without "
          "what the kernel has for a socket.",
          Fixed(19000, 2000, base=None),
          (Ours("bide light", "core", ("--light",)), Ours("bide full", "core")),
          (printed("bytes_each", "memory a connection", "bytes", chart=True),),
          row="echo_little", counts="ops", peers=("go",), rounds=FEW, take=served.idle(64),
          goals=(Goal("bytes_each", at_most=1024, of=LIGHT.name),)),
]


def tls(name, title, about, n, ways, goals):
    return Table(name, title, about, n,
                 tuple(Ours(way, "tls", row=name + suffix) for way, suffix in ways),
                 (printed("cpu_us", "CPU", "µs", chart=True),),
                 peers=False, counts="ops", rounds=Rounds(ours=5, peers=5), goals=goals)


TLS = [
    tls("tls_echo", "An echo of 4 KiB over TLS",
        "TLS 1.3, 50 connections that have a message on its way at any time. The time is the "
        "server's. OpenSSL alone is on epoll, in C.",
        Fixed(100000, 10000, base=None), (("bide", ""), ("OpenSSL alone", "_openssl")),
        (Goal("cpu_us", ratio=1 / 1.10, than="OpenSSL alone", of="bide"),)),
    tls("tls_connect", "A TLS connection that is made",
        "One after the other, each with a certificate to be verified; the time is the client's. "
        "OpenSSL alone uses a socket that blocks.",
        Fixed(1000, 100, base=None),
        (("bide", ""), ("bide, resumed", "_resumed"), ("OpenSSL alone", "_openssl")),
        (Goal("cpu_us", at_most=800, of="bide"),)),
]

HTTP_FULL, HTTP_LIGHT = Ours("bide full", "http"), Ours("bide light", "http", ("--light",))
HTTP_PEERS = (
    Theirs("epoll and llhttp in C", "http-raw", ""),
    Theirs("wrk", "http-wrk", ""),
    Theirs("libcurl", "http-curl", ""),
    Theirs("Go net/http", "http-go", ""),
    Theirs("aiohttp", "http-aiohttp", ""))
HTTP_ABOUT = " 1 KiB each, at nginx on the other core. The time is the client's, with that of " \
             "the kernel for it, when all connections have been made."


def http(name, title, about, goals, **more):
    return Table(name, title, about + HTTP_ABOUT, Fixed(30000, 5000, base=None),
                 (HTTP_FULL, HTTP_LIGHT), (printed("cpu_us", "CPU a request", "µs", chart=True),),
                 counts="ops", peers=HTTP_PEERS, goals=goals, rounds=Rounds(ours=9, peers=5),
                 take=asked.requests(**more))


def within(ratio):
    return tuple(Goal("cpu_us", ratio=1 / ratio, than="epoll and llhttp in C", of=one.name)
                 for one in (HTTP_FULL, HTTP_LIGHT))


HTTP = [
    http("http", "Requests by HTTP, a hundred at once", "On a hundred connections that are kept.",
         (Goal("cpu_us", at_most=7.5), *within(1.4), Goal("cpu_us", ratio=3.0, than="libcurl"),
          Goal("cpu_us", ratio=3.0, than="Go net/http"))),
    http("http_tls", "Requests by HTTP over TLS 1.3, a hundred at once",
         "On a hundred connections that are kept.", (Goal("cpu_us", at_most=11),), tls=True),
    http("http_hosts", "Requests to three thousand hosts at once",
         "Each host is an address of the loopback, with a connection that is kept. It is to cost a "
         "third more, at most, than with a hundred.",
         (Goal("cpu_us", at_most=9.75),)),
    Table("http_memory", "Connections of a client, and requests that wait for the answer",
          "Each to a host of its own. Idle connections have been used once and are kept; then on each "
          "of them a request is sent, with a task of its own, and its memory counts. The memory is "
          "the process's own, without what the kernel has for a socket.",
          Fixed(3000, 500, base=None), (HTTP_FULL, HTTP_LIGHT),
          (printed("idle_bytes", "an idle connection", "bytes", chart=True),
           printed("held_bytes", "a request and its connection", "bytes", chart=True)),
          peers=HTTP_PEERS, counts="ops", rounds=FEW, take=asked.memory,
          goals=(Goal("idle_bytes", at_most=1536, of="each"),
                 Goal("held_bytes", at_most=6144, of="each"))),
    Table("fetch", "A file of URLs, by a command", "Each of 1 KiB, at nginx on the other core, a "
          "hundred at once. The figures are of the whole command, from its start to its end.",
          Fixed(10000, 1000, base=None), (Ours("bide fetch", "fetch"),),
          (Column("elapsed", "elapsed a URL", "µs",
                  lambda sample: sample.elapsed_s / sample.n * 1e6, chart=True),
           Column("cpu", "CPU a URL", "µs", lambda sample: sample.cpu_s / sample.n * 1e6,
                  chart=True)),
          peers=(Theirs("curl -Z", "fetch-curl", ""), Theirs("aiohttp", "http-aiohttp", "")),
          counts="ops", rounds=Rounds(ours=5, peers=5), take=asked.fetches,
          goals=tuple(Goal(key, ratio=ratio, than=than) for key in ("elapsed", "cpu")
                      for ratio, than in ((3.0, "curl -Z"), (10.0, "aiohttp")))),
]

SERVING_FILES = [
    Table("serve", "A server of files, asked for one of 1 KiB over 64 connections",
          "By wrk, for so many seconds; each has a core of its own. Of nginx one process serves, and "
          "once it keeps files open, whose names it looks at again after a second; bide looks at each "
          "request.",
          Fixed(5, 1, base=None),
          (Ours("bide", "serve"), Ours("bide, epoll", "serve", (), {"BIDE_BACKEND": "epoll"})),
          (printed("per_s", "requests a second", "", chart=True, more_is_better=True),
           printed("cpu_us", "CPU a request", "µs"),
           printed("late_us", "the slowest hundredth", "µs")),
          peers=(Theirs("nginx", "serve-nginx", "serve"),
                 Theirs("nginx, files kept open", "serve-nginx", "serve_cached")),
          rounds=Rounds(ours=5, peers=5), take=pages.seconds(64),
          goals=(Goal("per_s", ratio=0.8, than="nginx", of="bide"),)),
]

# ---- of ours alone ---------------------------------------------------------------------------

ONCE = Rounds(ours=1, peers=0, ours_quick=1, peers_quick=0)


def late(name, many, n, quick, at_most):
    return Table(name, "How late the last of %s sleeps ends" % many,
                 "Counted from the moment from which all of them sleep, which is when the last had "
                 "been spawned; in the tables above the spawning counts, too.",
                 Fixed(n, quick, base=None), BOTH, (printed("late_ms", "last late by", "ms"),),
                 row="wait_n", peers=False, rounds=FEW, goals=(Goal("late_ms", at_most=at_most),))


LARGE = [
    late("late_100k", "a hundred thousand", 100000, None, 1),
    late("late_1m", "a million", 1000000, None, 50),
    Table("sleepers_10m", "Ten million tasks asleep, twice",
          "Light ones. The second round should add no memory, and what was taken be given back.",
          Fixed(10000000, base=None), (LIGHT,), peers=False, rounds=ONCE,
          goals=(Goal("bytes_per_task", at_most=300),
                 Goal("second_round_added_bytes", at_most=1000000))),
    Table("full_million", "A million full tasks asleep",
          "Each has a stack of its own of 64 KiB with a guard below it, which is tried.",
          Fixed(1000000, 100000, base=None), (FULL,), peers=False, rounds=ONCE,
          goals=(Goal("bytes", at_most=4.6e9),)),
]


def parked(name, size):
    return rate(name, "A thousand tasks take turns, %s live in each" % size,
                "As yield1k, with so much in the frames that a light task has to keep.",
                "a yield", (), multiple=1000, base=1000, peers=False)


def debug(name, title, each):
    return rate("debug_" + name, title + ", with BIDE_DEBUG=1",
                "What the checks of debug mode add.", each, (), row=name, peers=False,
                ours=(FULL, FULL_DEBUG, LIGHT, LIGHT_DEBUG))


def check(name, title, about, kinds=(("full", ()), ("light", ("--light",)))):
    """What one check of the library costs: a pair of rows that differ in it alone."""
    ours = tuple(Ours("%s, %s" % (kind, which), "core", args, row="%s_%s" % (name, which))
                 for kind, args in kinds for which in ("with", "without"))
    return rate(name, title, about, "each", (), ours=ours, peers=False)


COSTS = [
    parked("parked_200", "200 bytes"),
    parked("parked_1k", "1 KiB"),
    parked("parked_4k", "4 KiB"),
    debug("yield2", "Two tasks take turns", "a yield"),
    debug("spawn_await", "Start a task and await it", "a task"),
    rate("check_thread", "A call that does little but ask for the thread's loop",
         "bide_cancelled().", "a call", (), ours=(FULL,), peers=False),
    rate("check_handle", "A call that does little but look up a handle",
         "bide_task_done().", "a call", (), ours=(FULL,), peers=False),
    check("check_result", "The check of a result's type",
          "A task is started and awaited, with a result that is checked and without."),
    check("check_pointer", "The check for pointers into a light task's stack",
          "A light task starts others, with an argument that is a pointer and with a number."),
    Table("timers_alone", "A timer by itself",
          "Without a task that waits for it, which is no public call: the least that a timer can "
          "cost.",
          Fixed(1000000, 100000, base=None), (Ours("bide", "timers"),),
          (printed("set_ns", "set a timer", "ns", chart=True),
           printed("cancel_ns", "cancel a timer", "ns", chart=True),
           printed("pop_ns", "pop a timer", "ns", chart=True)),
          row="timers", peers=False, rounds=FEW,
          goals=(Goal("set_ns", at_most=60), Goal("cancel_ns", at_most=40))),
]

TABLES = (SWITCHING + SPAWNING + SLEEPING + THREADS + SERVING + JOBS + ORDER + LARGE +
          HANDING_OVER + NAMES + TLS + HTTP + SERVING_FILES + COSTS)
