// SPDX-License-Identifier: MIT
/* boost-fiber.cc: the benchmark's rows on Boost.Fiber, with its default scheduler, round_robin.
 *
 * A yield is boost::this_fiber::yield(). What is awaited is launched by launch::dispatch, the
 * cheaper one of the two policies: it runs at once. Results in order of completion come through a
 * buffered_channel.
 *
 * Stacks are fixedsize_stack, as by default, but of 16 KiB so that a million have room: there is no
 * guard below them. (With one, protected_fixedsize_stack, a process cannot have more than about
 * 32,000, by Linux's limit of 65,530 mappings.) Timers, cancellation, semaphores and a loop that
 * could be started again there are none, and so not these rows.
 *
 * A mutex is not handed over: who lets go of it gets it again if he asks for it at once. So a
 * fiber yields while it holds it, for the others to come and wait, and when it has let go of it,
 * for the next one to take it. */
#include <boost/fiber/all.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <utility>
#include <vector>

namespace
{

using boost::fibers::fiber;
using boost::fibers::fixedsize_stack;
using boost::fibers::future;

enum { WRONG = 1, USAGE_ERROR = 2, CANNOT = 3 };

constexpr std::size_t STACK_SIZE = 16 * 1024;
constexpr double BYTES_PER_FIBER = 9.5 * 1024; // the pages of its stack that it will touch

[[noreturn]] void end(int status, const char *sentence)
{
	std::fprintf(stderr, "boost-fiber: %s\n", sentence);
	std::exit(status);
}

void check(bool holds, const char *sentence)
{
	if (!holds)
		end(WRONG, sentence);
}

// The bytes that a file of /proc tells in lines `name: KiB`, for two names.
double bytes_in(const char *path, const char *one, const char *other)
{
	std::FILE *file = std::fopen(path, "r");
	char line[128], name[64];
	double kib = 0;
	long value;

	while (file != nullptr && std::fgets(line, sizeof(line), file) != nullptr)
		if (std::sscanf(line, "%63[^:]: %ld", name, &value) == 2 &&
		    (std::strcmp(name, one) == 0 || std::strcmp(name, other) == 0))
			kib += static_cast<double>(value);
	if (file != nullptr)
		std::fclose(file);
	return kib * 1024;
}

// Bytes of this process: what it has in memory, and the page tables for that.
double memory()
{
	return bytes_in("/proc/self/status", "VmRSS", "VmPTE");
}

double seconds()
{
	const auto now = std::chrono::steady_clock::now().time_since_epoch();

	return std::chrono::duration<double>(now).count();
}

// Sees that n fibers at once have room, as the kernel would kill what takes too much.
void need_room(long n)
{
	if (static_cast<double>(n) * BYTES_PER_FIBER >
	    bytes_in("/proc/meminfo", "MemAvailable", ""))
		end(CANNOT, "not enough memory for this size");
}

template <typename Function> fiber spawn(Function &&function)
{
	return fiber(std::allocator_arg, fixedsize_stack(STACK_SIZE),
	             std::forward<Function>(function));
}

void yields(long tasks, long n)
{
	std::vector<fiber> fibers;
	long yielded = 0;

	need_room(tasks);
	for (long i = 0; i < tasks; i++)
		fibers.push_back(spawn([&yielded, times = (n + i) / tasks] {
			for (long j = 0; j < times; j++)
				boost::this_fiber::yield();
			yielded += times;
		}));
	for (fiber &each : fibers)
		each.join();
	check(yielded == n, "not all have yielded");
	std::printf("ops %ld\n", n);
}

future<long> spawn_number(long i)
{
	return boost::fibers::async(boost::fibers::launch::dispatch, std::allocator_arg,
	                            fixedsize_stack(STACK_SIZE), [i] { return i; });
}

void spawn_await(long n)
{
	long total = 0;

	for (long i = 0; i < n; i++)
		total += spawn_number(i).get();
	check(total == n * (n - 1) / 2, "wrong results");
	std::printf("ops %ld\n", n);
}

void spawn_all(long n)
{
	std::vector<future<long>> results;
	long total = 0;

	need_room(n);
	for (long i = 0; i < n; i++)
		results.push_back(spawn_number(i));
	for (future<long> &result : results)
		total += result.get();
	check(total == n * (n - 1) / 2, "wrong results");
	std::printf("ops %ld\n", n);
}

using queue = boost::fibers::buffered_channel<long>;

// Answers so many numbers, each with the next one.
void play(queue &from, queue &to, long times, long &last)
{
	for (long i = 0; i < times; i++) {
		last = from.value_pop() + 1;
		to.push(last);
	}
}

void queue_ping(long n)
{
	queue there(2), back(2); // the least room that there can be
	long one_last = 0, other_last = 0;

	there.push(0);
	fiber one = spawn([&] { play(there, back, (n + 1) / 2, one_last); });
	fiber other = spawn([&] { play(back, there, n / 2, other_last); });
	one.join();
	other.join();
	check(std::max(one_last, other_last) == n, "not all has been handed over");
	std::printf("ops %ld\n", n);
}

// Fibers that hold a mutex n times in all. They all wait for it before it is free.
void contend(long tasks, long n)
{
	boost::fibers::mutex mutex;
	std::vector<fiber> fibers;
	long last = tasks, handed_over = 0;

	need_room(tasks);
	mutex.lock();
	for (long i = 0; i < tasks; i++)
		fibers.push_back(spawn([&, i, times = (n + i) / tasks] {
			for (long j = 0; j < times; j++) {
				mutex.lock();
				boost::this_fiber::yield();
				handed_over += last != i;
				last = i;
				mutex.unlock();
				boost::this_fiber::yield();
			}
		}));
	boost::this_fiber::yield(); // Fibers run first come, first served: now all wait.
	mutex.unlock();
	for (fiber &each : fibers)
		each.join();
	check(handed_over == n, "it was not handed over");
	std::printf("ops %ld\n", n);
}

struct waited {
	double bytes = 0;
	double wall = 0;
	double beyond = 0;
	long out_of_order = 0;
};

// n fibers that sleep, their results as they come.
waited wait_all(long n, double most)
{
	boost::fibers::buffered_channel<double> results(1024);
	std::mt19937_64 random;
	std::uniform_real_distribution<double> uniform(0, most);
	double last = 0, longest = 0;
	waited found;

	need_room(n);
	const double before = memory(), start = seconds();
	for (long i = 0; i < n; i++)
		spawn([&results, delay = uniform(random)] {
			boost::this_fiber::sleep_for(
				std::chrono::duration_cast<std::chrono::steady_clock::duration>(
					std::chrono::duration<double>(delay)));
			results.push(delay);
		}).detach();
	boost::this_fiber::yield(); // Fibers run first come, first served: now all are asleep.
	found.bytes = memory() - before;
	for (long i = 0; i < n; i++) {
		const double delay = results.value_pop();

		found.out_of_order += delay < last;
		last = delay;
		longest = std::max(longest, delay);
	}
	found.wall = seconds() - start;
	found.beyond = found.wall - longest;
	return found;
}

void sleepers(long n)
{
	const waited found = wait_all(n, 10);

	std::printf("tasks %ld\n", n);
	std::printf("bytes_per_task %f\n", found.bytes / static_cast<double>(n));
	std::printf("beyond_s %f\n", found.beyond);
	std::printf("wall_s %f\n", found.wall);
	std::printf("out_of_order %ld\n", found.out_of_order);
}

void wait_n(long n)
{
	const waited found = wait_all(n, n <= 100000 ? 1 : 10);

	std::printf("out_of_order %ld\n", found.out_of_order);
	std::printf("beyond_ms %f\n", found.beyond * 1000);
}

const struct row {
	const char *name;
	void (*run)(long n);
} rows[] = {
	{ "yield2", [](long n) { yields(2, n); } },
	{ "yield1k", [](long n) { yields(1000, n); } },
	{ "yield100k", [](long n) { yields(100000, n); } },
	{ "spawn_await", spawn_await },
	{ "spawn_all", spawn_all },
	{ "sleepers", sleepers },
	{ "wait_n", wait_n },
	{ "queue_ping", queue_ping },
	{ "mutex100", [](long n) { contend(100, n); } },
	{ "mutex100k", [](long n) { contend(100000, n); } },
};

const row *find_row(const char *name)
{
	for (const row &each : rows)
		if (std::strcmp(each.name, name) == 0)
			return &each;
	return nullptr;
}

} // namespace

int main(int argc, char **argv)
{
	const row *found = argc == 3 ? find_row(argv[1]) : nullptr;
	char *rest = nullptr;
	const long n = argc == 3 ? std::strtol(argv[2], &rest, 10) : -1;

	if (argc == 2 && std::strcmp(argv[1], "--rows") == 0) {
		for (const row &each : rows)
			std::puts(each.name);
		return 0;
	}
	if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
		std::printf("Boost.Fiber %d.%d.%d, C++ compiler %s, round_robin, 1 thread\n",
		            BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100,
		            __VERSION__);
		return 0;
	}
	if (found == nullptr || n < 0 || rest == argv[2] || *rest != '\0')
		end(USAGE_ERROR, "usage: boost-fiber ROW N, or --rows, or --version");
	try {
		if (n == 0)
			spawn([] {}).join();
		else
			found->run(n);
	} catch (const std::bad_alloc &) {
		end(CANNOT, "not enough memory for this size");
	}
	return 0;
}
