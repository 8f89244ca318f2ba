// SPDX-License-Identifier: MIT

// The benchmark's rows in Go, with one thread that runs goroutines unless GOMAXPROCS says
// otherwise.
//
// A yield is runtime.Gosched(). A queue is a channel with room for one. Results in order of completion come through a channel. A group is
// a context and a WaitGroup, as in errgroup, which is not in the standard library. The row
// empty_run is missing, since the runtime starts once a process.
//
// A semaphore is a channel with room for one: who receives lets the next sender in. A sync.Mutex is
// not handed over before somebody has waited for a millisecond; until then who lets go of it gets it
// again if he asks for it at once. So a goroutine yields while it holds it, for the others to come
// and wait, and when it has let go of it, for the next one to take it.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	wrong      = 1
	usageError = 2
	children   = 100
	long       = time.Hour
)

func end(status int, sentence string) {
	fmt.Fprintln(os.Stderr, "go:", sentence)
	os.Exit(status)
}

func check(holds bool, sentence string) {
	if !holds {
		end(wrong, sentence)
	}
}

// memory returns the bytes of this process: what it has in memory, and the page tables for that.
func memory() float64 {
	bytes := 0.0
	status, err := os.Open("/proc/self/status")
	check(err == nil, "cannot read /proc/self/status")
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if words[0] == "VmRSS:" || words[0] == "VmPTE:" {
			kib, _ := strconv.ParseFloat(words[1], 64)
			bytes += kib * 1024
		}
	}
	return bytes
}

// cpu returns the CPU time of this process: goroutines have no thread of their own.
func cpu() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func yields(tasks, n int) {
	var done sync.WaitGroup
	var yielded int64
	done.Add(tasks)
	for i := 0; i < tasks; i++ {
		times := (n + i) / tasks
		go func() {
			defer done.Done()
			for j := 0; j < times; j++ {
				runtime.Gosched()
			}
			atomic.AddInt64(&yielded, int64(times))
		}()
	}
	done.Wait()
	check(yielded == int64(n), "not all have yielded")
	fmt.Println("ops", n)
}

func spawnAwait(n int) {
	total := 0
	result := make(chan int)
	for i := 0; i < n; i++ {
		i := i
		go func() { result <- i }()
		total += <-result
	}
	check(total == n*(n-1)/2, "wrong results")
	fmt.Println("ops", n)
}

func spawnAll(n int) {
	var done sync.WaitGroup
	total := 0
	results := make([]int, n)
	done.Add(n)
	for i := 0; i < n; i++ {
		i := i
		go func() {
			defer done.Done()
			results[i] = i
		}()
	}
	done.Wait()
	for _, result := range results {
		total += result
	}
	check(total == n*(n-1)/2, "wrong results")
	fmt.Println("ops", n)
}

// play answers so many numbers, each with the next one.
func play(from <-chan int, to chan<- int, times int, last chan<- int) {
	number := 0
	for i := 0; i < times; i++ {
		number = <-from + 1
		to <- number
	}
	last <- number
}

func queuePing(n int) {
	there, back, last := make(chan int, 1), make(chan int, 1), make(chan int)
	there <- 0
	go play(there, back, (n+1)/2, last)
	go play(back, there, n/2, last)
	one, other := <-last, <-last
	check(one == n || other == n, "not all has been handed over")
	fmt.Println("ops", n)
}

// channel hands numbers from one goroutine to another on two processors. Of interest is how long
// that takes, not what it costs: both work at once.
func channel(n int) {
	runtime.GOMAXPROCS(2)
	numbers, total := make(chan int, 128), 0
	start := time.Now()
	go func() {
		for i := 0; i < n; i++ {
			numbers <- i
		}
		close(numbers)
	}()
	for i := range numbers {
		total += i
	}
	taken := time.Since(start)
	check(total == n*(n-1)/2, "not all has been received")
	fmt.Println("ops", n)
	fmt.Println("each_ns", float64(taken.Nanoseconds())/float64(n))
}

type waited struct {
	taken, outOfOrder int
	bytes             float64
	wall, beyond      time.Duration
}

// waitAll has n goroutines sleep and takes their results as they come.
func waitAll(n int, most time.Duration) (found waited) {
	var last, longest time.Duration
	var asleep sync.WaitGroup
	before, start := memory(), time.Now()
	results := make(chan time.Duration, n)
	asleep.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			delay := time.Duration(rand.Int63n(int64(most)))
			asleep.Done()
			time.Sleep(delay)
			results <- delay
		}()
	}
	asleep.Wait()
	found.bytes = memory() - before
	for ; found.taken < n; found.taken++ {
		delay := <-results
		if delay < last {
			found.outOfOrder++
		}
		last = delay
		if delay > longest {
			longest = delay
		}
	}
	found.wall = time.Since(start)
	found.beyond = found.wall - longest
	return found
}

func sleepers(n int) {
	found := waitAll(n, 10*time.Second)
	fmt.Println("tasks", found.taken)
	fmt.Println("bytes_per_task", found.bytes/float64(n))
	fmt.Println("beyond_s", found.beyond.Seconds())
	fmt.Println("wall_s", found.wall.Seconds())
	fmt.Println("out_of_order", found.outOfOrder)
}

func waitN(n int) {
	most := time.Second
	if n > 100000 {
		most = 10 * time.Second
	}
	found := waitAll(n, most)
	fmt.Println("out_of_order", found.outOfOrder)
	fmt.Println("beyond_ms", 1000*found.beyond.Seconds())
}

func timers(n int) {
	delays := make([]time.Duration, n)
	for i := range delays {
		delays[i] = time.Second + time.Duration(rand.Int63n(int64(999*time.Second)))
	}
	set := make([]*time.Timer, n)
	var fired int64 // by a slow machine only
	fire := func() { atomic.AddInt64(&fired, 1) }
	start := cpu()
	for i, delay := range delays {
		set[i] = time.AfterFunc(delay, fire)
	}
	setTime := cpu() - start
	rand.Shuffle(n, func(i, j int) { set[i], set[j] = set[j], set[i] })
	cancelled := 0
	start = cpu()
	for _, timer := range set[:n/2] {
		if timer.Stop() {
			cancelled++
		}
	}
	cancelTime := cpu() - start
	check(cancelled+int(atomic.LoadInt64(&fired)) >= n/2, "not the timers cancelled")
	runtime.KeepAlive(set)
	fmt.Println("set_ns", float64(setTime)/float64(n))
	fmt.Println("cancel_ns", float64(cancelTime)/float64((n+1)/2))
}

// sleep waits until the time is over or the context is cancelled.
func sleep(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errFailed = errors.New("failed")

// groupOnce returns the error of the child that failed and how many others were cancelled.
func groupOnce() (failure error, cancelled int64) {
	var asleep, done sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asleep.Add(children - 1)
	done.Add(children)
	for i := 0; i < children-1; i++ {
		go func() {
			defer done.Done()
			asleep.Done()
			if sleep(ctx, long) == context.Canceled {
				atomic.AddInt64(&cancelled, 1)
			}
		}()
	}
	go func() {
		defer done.Done()
		asleep.Wait() // What was started last would run first.
		failure = errFailed
		cancel()
	}()
	done.Wait()
	return failure, cancelled
}

func group(n int) {
	for i := 0; i < n; i++ {
		failure, cancelled := groupOnce()
		check(failure == errFailed && cancelled == children-1, "a group was not cancelled")
	}
	fmt.Println("ops", n)
}

// contend has goroutines hold a lock n times in all. They all wait for it before it is free.
func contend(tasks, n int, lock, unlock func()) {
	var waiting, done sync.WaitGroup
	last, handedOver := tasks, 0
	lock()
	waiting.Add(tasks)
	done.Add(tasks)
	for i := 0; i < tasks; i++ {
		i, times := i, (n+i)/tasks
		go func() {
			defer done.Done()
			waiting.Done()
			for j := 0; j < times; j++ {
				lock()
				if last != i {
					handedOver++
				}
				last = i
				unlock()
			}
		}()
	}
	waiting.Wait()
	unlock()
	done.Wait()
	// The runtime may run a goroutine out of turn.
	check(handedOver > n-n/20, "it was not handed over")
	fmt.Println("ops", n)
}

func mutex(tasks, n int) {
	var held sync.Mutex
	contend(tasks, n, func() {
		held.Lock()
		runtime.Gosched()
	}, func() {
		held.Unlock()
		runtime.Gosched()
	})
}

func semaphore(tasks, n int) {
	held := make(chan struct{}, 1)
	contend(tasks, n, func() { held <- struct{}{} }, func() { <-held })
}

// answer answers until the other side closes.
func answer(connection net.Conn, room int) {
	defer connection.Close()
	buf := make([]byte, room)
	for {
		n, err := connection.Read(buf)
		if err == io.EOF {
			return
		}
		check(err == nil, "cannot receive")
		_, err = connection.Write(buf[:n])
		check(err == nil, "cannot send")
	}
}

// echo serves n connections to the standard input, a goroutine each.
func echo(room, n int) {
	var done sync.WaitGroup
	listener, err := net.FileListener(os.Stdin)
	check(err == nil, "the standard input does not listen")
	done.Add(n)
	for i := 0; i < n; i++ {
		connection, err := listener.Accept()
		check(err == nil, "cannot accept")
		go func() {
			defer done.Done()
			answer(connection, room)
		}()
	}
	done.Wait()
	fmt.Println("ops", n)
}

var rows = []struct {
	name string
	run  func(n int)
}{
	{"yield2", func(n int) { yields(2, n) }},
	{"yield1k", func(n int) { yields(1000, n) }},
	{"yield100k", func(n int) { yields(100000, n) }},
	{"spawn_await", spawnAwait},
	{"spawn_all", spawnAll},
	{"sleepers", sleepers},
	{"wait_n", waitN},
	{"timers", timers},
	{"group", group},
	{"queue_ping", queuePing},
	{"channel", channel},
	{"mutex100", func(n int) { mutex(100, n) }},
	{"mutex100k", func(n int) { mutex(100000, n) }},
	{"semaphore100", func(n int) { semaphore(100, n) }},
	{"semaphore100k", func(n int) { semaphore(100000, n) }},
	{"echo", func(n int) { echo(4096, n) }},
	{"echo_little", func(n int) { echo(256, n) }},
}

// measure runs a row. N = 0 is only to start the runtime, which has happened.
func measure(name string, n int) bool {
	for _, row := range rows {
		if row.name == name {
			if n > 0 {
				row.run(n)
			}
			return true
		}
	}
	return false
}

func main() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if len(os.Args) == 2 && os.Args[1] == "--rows" {
		for _, row := range rows {
			fmt.Println(row.name)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		version := strings.TrimPrefix(runtime.Version(), "go")
		fmt.Printf("Go %s, GOMAXPROCS=%d\n", version, runtime.GOMAXPROCS(0))
		return
	}
	if len(os.Args) == 3 {
		n, err := strconv.ParseUint(os.Args[2], 10, 31)
		if err == nil && measure(os.Args[1], int(n)) {
			return
		}
	}
	end(usageError, "usage: go ROW N, or --rows, or --version")
}
