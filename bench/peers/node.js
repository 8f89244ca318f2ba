#!/usr/bin/node
// SPDX-License-Identifier: MIT
// The benchmark's rows in Node.js, with async functions.
//
// To call an async function is to spawn it; it runs at once until its first await. A yield is
// `await null`, which goes through the queue of promise jobs that are ready: cheaper than
// setImmediate(), which goes once around the loop as well. Results in order of completion are
// pushed as they come. A group is an AbortController and Promise.allSettled(). The row empty_run is
// missing, since the loop starts once a process.
'use strict';

const { setMaxListeners } = require('node:events');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:net');
const { setTimeout: cancellableSleep } = require('node:timers/promises');

const WRONG = 1;
const USAGE_ERROR = 2;
const CHILDREN = 100;
const LONG = 3600e3;

function end(status, sentence) {
  console.error(`node: ${sentence}`);
  process.exit(status);
}

function check(holds, sentence) {
  if (!holds) end(WRONG, sentence);
}

/** Bytes of this process: what it has in memory, and the page tables for that. */
function memory() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const kib = (name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)[1]);
  return 1024 * (kib('VmRSS') + kib('VmPTE'));
}

const seconds = () => performance.now() / 1000;

/** CPU time of this process since a point of it: there is no clock of the thread. */
function cpuNs(since) {
  const { user, system } = process.cpuUsage(since);
  return 1000 * (user + system);
}

const uniform = (least, most) => least + (most - least) * Math.random();

async function yieldTimes(times) {
  for (let i = 0; i < times; i++) await null;
  return times;
}

async function yields(tasks, n) {
  const done = Array.from({ length: tasks }, (_, i) => yieldTimes(Math.floor((n + i) / tasks)));
  const times = await Promise.all(done);
  check(times.reduce((sum, time) => sum + time) === n, 'not all have yielded');
  return { ops: n };
}

async function number(i) {
  return i;
}

async function spawnAwait(n) {
  let total = 0;
  for (let i = 0; i < n; i++) total += await number(i);
  check(total === n * (n - 1) / 2, 'wrong results');
  return { ops: n };
}

async function spawnAll(n) {
  const promises = [];
  let total = 0;
  for (let i = 0; i < n; i++) promises.push(number(i));
  for (const result of await Promise.all(promises)) total += result;
  check(total === n * (n - 1) / 2, 'wrong results');
  return { ops: n };
}

/** A queue as Node's users write it, since the language has none. */
class Queue {
  #items = [];
  #waiting = [];

  put(item) {
    const resolve = this.#waiting.shift();
    if (resolve) resolve(item);
    else this.#items.push(item);
  }

  async get() {
    if (this.#items.length > 0) return this.#items.shift();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Answers so many numbers, each with the next one. */
async function play(from, to, times) {
  let last = 0;
  for (let i = 0; i < times; i++) {
    last = await from.get() + 1;
    to.put(last);
  }
  return last;
}

async function queuePing(n) {
  const there = new Queue();
  const back = new Queue();
  there.put(0);
  const players = [play(there, back, Math.ceil(n / 2)), play(back, there, Math.floor(n / 2))];
  check(Math.max(...await Promise.all(players)) === n, 'not all has been handed over');
  return { ops: n };
}

const sleep = (delay) => new Promise((resolve) => setTimeout(resolve, 1000 * delay));

async function waitRandom(most) {
  const delay = uniform(0, most);
  await sleep(delay);
  return delay;
}

/** n calls that sleep, their results as they come. */
async function waitAll(n, most) {
  const results = [];
  const promises = [];
  const before = memory();
  const start = seconds();
  for (let i = 0; i < n; i++) promises.push(waitRandom(most).then((delay) => results.push(delay)));
  const bytes = memory() - before;
  await Promise.all(promises);
  const wall = seconds() - start;
  let longest = 0;
  let outOfOrder = 0;
  results.forEach((delay, i) => {
    longest = Math.max(longest, delay);
    if (delay < results[i - 1]) outOfOrder++;
  });
  check(results.length === n, 'not all results have come');
  return {
    tasks: n,
    bytes_per_task: bytes / n,
    beyond_s: wall - longest,
    wall_s: wall,
    out_of_order: outOfOrder,
  };
}

const sleepers = (n) => waitAll(n, 10);

async function waitN(n) {
  const found = await waitAll(n, n <= 100000 ? 1 : 10);
  return { out_of_order: found.out_of_order, beyond_ms: 1000 * found.beyond_s };
}

function shuffle(array) {
  for (let i = array.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [array[i], array[j]] = [array[j], array[i]];
  }
}

async function timers(n) {
  const nothing = () => {};
  const delays = Array.from({ length: n }, () => uniform(1e3, 1000e3));
  let start = process.cpuUsage();
  const handles = delays.map((delay) => setTimeout(nothing, delay));
  const set = cpuNs(start);
  shuffle(handles);
  const half = Math.floor(n / 2);
  start = process.cpuUsage();
  for (let i = 0; i < half; i++) clearTimeout(handles[i]);
  const cancel = cpuNs(start);
  for (let i = half; i < n; i++) handles[i].unref(); // They shall not keep the process.
  return { set_ns: set / n, cancel_ns: cancel / Math.max(half, 1) };
}

async function fail() {
  await null;
  throw new Error('failed');
}

async function groupOnce() {
  const stop = new AbortController();
  const { signal } = stop;
  setMaxListeners(CHILDREN, signal); // Fewer than this are no leak.
  const children = [fail()];
  while (children.length < CHILDREN) children.push(cancellableSleep(LONG, undefined, { signal }));
  try {
    await Promise.all(children);
  } catch {
    stop.abort();
  }
  const ends = await Promise.allSettled(children);
  return ends.filter(({ reason }) => reason?.name === 'AbortError').length;
}

async function group(n) {
  let cancelled = 0;
  for (let i = 0; i < n; i++) cancelled += await groupOnce();
  check(cancelled === n * (CHILDREN - 1), 'not each group was cancelled');
  return { ops: n };
}

/** n connections to the standard input, whose data is answered as it comes. */
function echo(n) {
  return new Promise((resolve) => {
    let left = n;
    const server = createServer((socket) => {
      socket.on('data', (data) => socket.write(data));
      socket.on('close', () => {
        if (--left === 0) server.close(() => resolve({ ops: n }));
      });
    });
    server.listen({ fd: 0 });
  });
}

const rows = {
  yield2: (n) => yields(2, n),
  yield1k: (n) => yields(1000, n),
  yield100k: (n) => yields(100000, n),
  spawn_await: spawnAwait,
  spawn_all: spawnAll,
  sleepers,
  wait_n: waitN,
  timers,
  group,
  queue_ping: queuePing,
  echo,
};

async function main(args) {
  if (args.length === 1 && args[0] === '--rows') {
    console.log(Object.keys(rows).join('\n'));
    return;
  }
  if (args.length === 1 && args[0] === '--version') {
    const { node, v8 } = process.versions;
    console.log(`Node.js ${node}, V8 ${v8}, 1 thread and V8's helpers`);
    return;
  }
  const [row, n] = args;
  if (args.length !== 2 || !Object.hasOwn(rows, row) || !/^\d+$/.test(n))
    end(USAGE_ERROR, 'usage: node ROW N, or --rows, or --version');
  if (Number(n) === 0) return;
  for (const [name, value] of Object.entries(await rows[row](Number(n)))) console.log(name, value);
}

main(process.argv.slice(2));
