// SPDX-License-Identifier: MIT
//! The benchmark's rows on Tokio, with its current_thread runtime.
//!
//! A row runs as a spawned task, as what is in block_on() itself is woken through the kernel. A
//! yield is what the crate futures-lite has by this name: the task wakes itself, and so goes to the
//! end of the queue of what is ready. (tokio::task::yield_now() takes up to twice as long, as it
//! has the kernel's events looked at first.) Results in order of completion come from a JoinSet,
//! and so does a group's cancellation.

use std::future::Future;
use std::os::unix::io::FromRawFd;
use std::pin::Pin;
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{channel, Receiver, Sender};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{unconstrained, JoinSet};
use tokio::time::{sleep, Sleep};

const WRONG: i32 = 1;
const USAGE_ERROR: i32 = 2;
const CHILDREN: u64 = 100;
const LONG: Duration = Duration::from_secs(3600);

fn end(status: i32, sentence: &str) -> ! {
    eprintln!("tokio: {}", sentence);
    exit(status);
}

fn check(holds: bool, sentence: &str) {
    if !holds {
        end(WRONG, sentence);
    }
}

/// Bytes of this process: what it has in memory, and the page tables for that.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    1024.0 * (kib("VmRSS:") + kib("VmPTE:"))
}

fn thread_cpu_ns() -> f64 {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut used) };
    used.tv_sec as f64 * 1e9 + used.tv_nsec as f64
}

/// Random numbers: xorshift64*, as the standard library has none.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            values.swap(i, (self.unit() * (i + 1) as f64) as usize);
        }
    }
}

/// std::future::poll_fn(), which Rust 1.63 does not have yet.
struct PollFn<F>(F);

impl<F: FnMut(&mut Context<'_>) -> Poll<()> + Unpin> Future for PollFn<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        (self.0)(cx)
    }
}

async fn yield_now() {
    let mut yielded = false;
    PollFn(move |cx: &mut Context<'_>| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

async fn yields(tasks: u64, n: u64) {
    let spawn = |i| {
        let times = (n + i) / tasks;
        tokio::spawn(async move {
            for _ in 0..times {
                yield_now().await;
            }
            times
        })
    };
    let mut yielded = 0;
    for task in (0..tasks).map(spawn).collect::<Vec<_>>() {
        yielded += task.await.unwrap();
    }
    check(yielded == n, "not all have yielded");
    println!("ops {}", n);
}

async fn spawn_await(n: u64) {
    let mut total = 0;
    for i in 0..n {
        total += tokio::spawn(async move { i }).await.unwrap();
    }
    check(total == n * (n - 1) / 2, "wrong results");
    println!("ops {}", n);
}

async fn spawn_all(n: u64) {
    let mut total = 0;
    let tasks: Vec<_> = (0..n).map(|i| tokio::spawn(async move { i })).collect();
    for task in tasks {
        total += task.await.unwrap();
    }
    check(total == n * (n - 1) / 2, "wrong results");
    println!("ops {}", n);
}

struct Waited {
    taken: u64,
    out_of_order: u64,
    bytes: f64,
    wall: f64,
    beyond: f64,
}

/// n tasks that sleep, their results as they come.
async fn wait_all(n: u64, most: f64) -> Waited {
    let mut random = Random::new();
    let mut tasks = JoinSet::new();
    let (mut taken, mut out_of_order, mut last, mut longest) = (0, 0, 0.0, 0.0);
    let before = memory();
    let start = Instant::now();
    for _ in 0..n {
        let delay = most * random.unit();
        tasks.spawn(async move {
            sleep(Duration::from_secs_f64(delay)).await;
            delay
        });
    }
    yield_now().await; // Tasks run first come, first served: now all are asleep.
    let bytes = memory() - before;
    while let Some(result) = tasks.join_next().await {
        let delay = result.unwrap();
        taken += 1;
        out_of_order += (delay < last) as u64;
        last = delay;
        longest = f64::max(longest, delay);
    }
    let wall = start.elapsed().as_secs_f64();
    check(taken == n, "not all results have come");
    Waited { taken, out_of_order, bytes, wall, beyond: wall - longest }
}

async fn sleepers(n: u64) {
    let found = wait_all(n, 10.0).await;
    println!("tasks {}", found.taken);
    println!("bytes_per_task {}", found.bytes / n as f64);
    println!("beyond_s {}", found.beyond);
    println!("wall_s {}", found.wall);
    println!("out_of_order {}", found.out_of_order);
}

async fn wait_n(n: u64) {
    let found = wait_all(n, if n <= 100_000 { 1.0 } else { 10.0 }).await;
    println!("out_of_order {}", found.out_of_order);
    println!("beyond_ms {}", 1000.0 * found.beyond);
}

/// A timer is set when it is polled first, and cancelled when it is dropped.
async fn timers(n: u64) {
    let mut random = Random::new();
    let delays: Vec<_> = (0..n).map(|_| 1.0 + 999.0 * random.unit()).collect();
    let mut set: Vec<Option<Pin<Box<Sleep>>>> = Vec::with_capacity(n as usize);
    let mut start = thread_cpu_ns();
    let set_all = PollFn(|cx: &mut Context<'_>| {
        for delay in &delays {
            let mut timer = Box::pin(sleep(Duration::from_secs_f64(*delay)));
            check(timer.as_mut().poll(cx).is_pending(), "a timer has fired");
            set.push(Some(timer));
        }
        Poll::Ready(())
    });
    unconstrained(set_all).await; // As a constrained one a task must yield every 128 polls.
    let set_ns = thread_cpu_ns() - start;
    random.shuffle(&mut set);
    start = thread_cpu_ns();
    for timer in &mut set[..n as usize / 2] {
        *timer = None;
    }
    let cancel_ns = thread_cpu_ns() - start;
    println!("set_ns {}", set_ns / n as f64);
    println!("cancel_ns {}", cancel_ns / ((n + 1) / 2) as f64);
}

#[derive(Debug)]
struct Failure;

/// @return how many failed and how many were cancelled.
async fn group_once() -> (u64, u64) {
    let mut children = JoinSet::new();
    let (mut failed, mut cancelled) = (0, 0);
    for _ in 0..CHILDREN - 1 {
        children.spawn(async {
            sleep(LONG).await;
            Ok(())
        });
    }
    children.spawn(async { Err(Failure) }); // It runs last, when the others are asleep.
    while let Some(result) = children.join_next().await {
        match result {
            Ok(Ok(())) => end(WRONG, "a long sleep has ended"),
            Ok(Err(Failure)) => {
                failed += 1;
                children.abort_all();
            }
            Err(error) => cancelled += error.is_cancelled() as u64,
        }
    }
    (failed, cancelled)
}

async fn group(n: u64) {
    for _ in 0..n {
        check(group_once().await == (1, CHILDREN - 1), "a group was not cancelled");
    }
    println!("ops {}", n);
}

/// Answers so many numbers, each with the next one.
async fn play(mut from: Receiver<u64>, to: Sender<u64>, times: u64) -> u64 {
    let mut last = 0;
    for _ in 0..times {
        last = from.recv().await.unwrap() + 1;
        let _ = to.send(last).await; // The last one may find nobody.
    }
    last
}

async fn queue_ping(n: u64) {
    let (there, from_there) = channel(1);
    let (back, from_back) = channel(1);
    there.send(0).await.unwrap();
    let one = tokio::spawn(play(from_there, back, (n + 1) / 2));
    let other = tokio::spawn(play(from_back, there, n / 2));
    let last = u64::max(one.await.unwrap(), other.await.unwrap());
    check(last == n, "not all has been handed over");
    println!("ops {}", n);
}

/// So many tasks that make n calls in threads in all.
async fn to_thread(at_once: u64, n: u64) {
    let mut callers = JoinSet::new();
    for i in 0..at_once {
        let times = (n + i) / at_once;
        callers.spawn(async move {
            let mut done = 0;
            while done < times {
                done = tokio::task::spawn_blocking(move || done + 1).await.unwrap();
            }
            done
        });
    }
    let mut done = 0;
    while let Some(result) = callers.join_next().await {
        done += result.unwrap();
    }
    check(done == n, "not all calls were made");
    println!("ops {}", n);
}

/// Tasks that hold a mutex n times in all. They all wait for it before it is handed over.
async fn mutex(tasks: u64, n: u64) {
    let handed_over = Arc::new(Mutex::new(0));
    let first = handed_over.lock().await;
    let hold = |i| {
        let (times, handed_over) = ((n + i) / tasks, handed_over.clone());
        tokio::spawn(async move {
            for _ in 0..times {
                *handed_over.lock().await += 1;
            }
        })
    };
    let holders: Vec<_> = (0..tasks).map(hold).collect();
    yield_now().await; // Tasks run first come, first served: now all wait.
    drop(first);
    for holder in holders {
        holder.await.unwrap();
    }
    check(*handed_over.lock().await == n, "not as many hand-overs");
    println!("ops {}", n);
}

/// The same with the one permit of a semaphore.
async fn semaphore(tasks: u64, n: u64) {
    let shared = Arc::new((Semaphore::new(1), AtomicU64::new(0)));
    let first = shared.0.acquire().await.unwrap();
    let hold = |i| {
        let (times, shared) = ((n + i) / tasks, shared.clone());
        tokio::spawn(async move {
            for _ in 0..times {
                let _permit = shared.0.acquire().await.unwrap();
                shared.1.store(shared.1.load(Relaxed) + 1, Relaxed);
            }
        })
    };
    let holders: Vec<_> = (0..tasks).map(hold).collect();
    yield_now().await;
    drop(first);
    for holder in holders {
        holder.await.unwrap();
    }
    check(shared.1.load(Relaxed) == n, "not as many hand-overs");
    println!("ops {}", n);
}

/// Answers until the other side closes.
async fn answer(mut connection: TcpStream) {
    let mut buf = [0; 4096];
    loop {
        match connection.read(&mut buf).await.unwrap() {
            0 => return,
            n => connection.write_all(&buf[..n]).await.unwrap(),
        }
    }
}

/// n connections to the standard input, a task each.
async fn echo(n: u64) {
    let listener = unsafe { std::net::TcpListener::from_raw_fd(0) };
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    for _ in 0..n {
        let (connection, _) = listener.accept().await.unwrap();
        connections.spawn(answer(connection));
    }
    while let Some(ended) = connections.join_next().await {
        ended.unwrap();
    }
    println!("ops {}", n);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn run<F>(row: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    runtime().block_on(async { tokio::spawn(row).await.unwrap() });
}

/// The same where descriptors are waited for, which costs a runtime more.
fn run_io<F>(row: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(row).await.unwrap() });
}

fn empty_run(n: u64) {
    for _ in 0..n {
        runtime().block_on(async {});
    }
    println!("ops {}", n);
}

const ROWS: [(&str, fn(u64)); 18] = [
    ("yield2", |n| run(yields(2, n))),
    ("yield1k", |n| run(yields(1000, n))),
    ("yield100k", |n| run(yields(100_000, n))),
    ("spawn_await", |n| run(spawn_await(n))),
    ("spawn_all", |n| run(spawn_all(n))),
    ("sleepers", |n| run(sleepers(n))),
    ("wait_n", |n| run(wait_n(n))),
    ("timers", |n| run(timers(n))),
    ("group", |n| run(group(n))),
    ("queue_ping", |n| run(queue_ping(n))),
    ("empty_run", empty_run),
    ("to_thread", |n| run(to_thread(1, n))),
    ("to_thread_1000", |n| run(to_thread(1000, n))),
    ("mutex100", |n| run(mutex(100, n))),
    ("mutex100k", |n| run(mutex(100_000, n))),
    ("semaphore100", |n| run(semaphore(100, n))),
    ("semaphore100k", |n| run(semaphore(100_000, n))),
    ("echo", |n| run_io(echo(n))),
];

fn measure(name: &str, n: &str) -> Option<()> {
    let (_, row) = ROWS.iter().find(|row| row.0 == name)?;
    match n.parse().ok()? {
        0 => run(async {}),
        n => row(n),
    }
    Some(())
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--rows"] => ROWS.iter().for_each(|row| println!("{}", row.0)),
        ["--version"] => println!(
            "Tokio {}, {}, current_thread, release",
            option_env!("TOKIO_VERSION").unwrap_or("?"),
            option_env!("RUSTC_VERSION").unwrap_or("rustc ?"),
        ),
        [name, n] if measure(name, n).is_some() => (),
        _ => end(USAGE_ERROR, "usage: tokio ROW N, or --rows, or --version"),
    }
}
