// SPDX-License-Identifier: MIT
/* Queues, futures and channels from C++17. */
#include "core/cpp_kit.h"

#include <memory>
#include <string>

namespace
{

struct Point {
	double x = 1, y = 2;
};

enum class Color : short { red = 3, green = -5 };

bool operator<(const Point &a, const Point &b)
{
	return a.x < b.x;
}

template <class T> int compare(const void *a, const void *b)
{
	const T &x = *static_cast<const T *>(a), &y = *static_cast<const T *>(b);
	return x < y ? -1 : y < x;
}

} // namespace

static BIDE_ASYNC(int, take_two, bide_queue *, double);
static int take_two(bide_queue *queue, double seconds)
{
	Point p;
	int rc = bide_sleep(seconds);
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = bide_queue_get(queue, &p);
	return rc < 0 ? rc : static_cast<int>(p.x);
}

CPP_TEST(cpp_queues_have_items_that_are_copied_as_bytes)
{
	bide_queue_options options{};
	options.bound = 1;
	bide_queue *queue;
	CHECK_INT(bide_queue_open(Point, &options, &queue), 0);
	bide_task *task = bide_spawn(take_two, queue, 1);
	Point p;
	EXPECT_INT(bide_queue_put(queue, &p), 0);
	p.x = 7;
	EXPECT_INT(bide_queue_put(queue, &p), 0);
	EXPECT_ELAPSED(1);
	EXPECT_INT(bide_await(int, task), 7);
	bide_queue_free(queue);
}

CPP_TEST(cpp_queues_of_priorities)
{
	bide_queue_options options{};
	options.order = BIDE_QUEUE_PRIORITY;
	options.compare = compare<Point>;
	bide_queue *queue;
	CHECK_INT(bide_queue_open(Point, &options, &queue), 0);
	for (double x : { 3.0, 1.0, 2.0 }) {
		Point p;
		p.x = x;
		EXPECT_INT(bide_queue_try_put(queue, &p), 0);
	}
	double sum = 0;
	for (Point p; bide_queue_try_get(queue, &p) == 0;)
		sum = sum * 10 + p.x;
	EXPECT_DOUBLE(sum, 123);
	bide_queue_close(queue);
	Point p;
	EXPECT_INT(bide_queue_get(queue, &p), -BIDE_ECLOSED);
	bide_queue_free(queue);
}

CPP_TEST(cpp_queues_hand_over_objects_by_pointer)
{
	bide_queue *queue;
	CHECK_INT(bide_queue_open(std::string *, nullptr, &queue), 0);
	auto *sent =
		std::make_unique<std::string>("a string that does not lie in itself").release();
	EXPECT_INT(bide_queue_put(queue, &sent), 0);
	std::string *got = nullptr;
	EXPECT_INT(bide_queue_get(queue, &got), 0);
	EXPECT_STR(std::unique_ptr<std::string>(got)->c_str(),
	           "a string that does not lie in itself");
	bide_queue_free(queue);
}

CPP_TEST(cpp_queues_of_enums_and_bools)
{
	bide_queue *colors, *bools;
	CHECK_INT(bide_queue_open(Color, nullptr, &colors), 0);
	CHECK_INT(bide_queue_open(bool, nullptr, &bools), 0);
	Color color = Color::green;
	bool yes = true;
	EXPECT_INT(bide_queue_put(colors, &color), 0);
	EXPECT_INT(bide_queue_put(bools, &yes), 0);
	color = Color::red;
	yes = false;
	EXPECT_INT(bide_queue_get(colors, &color), 0);
	EXPECT_INT(bide_queue_get(bools, &yes), 0);
	EXPECT(color == Color::green);
	EXPECT(yes);
	bide_queue_free(colors);
	bide_queue_free(bools);
}

static BIDE_ASYNC(int, set_later, bide_future *);
static int set_later(bide_future *future)
{
	Point p;
	int rc = bide_sleep(2);
	return rc < 0 ? rc : bide_future_set(future, &p);
}

CPP_TEST(cpp_futures_have_values)
{
	bide_future *future;
	Point p;
	CHECK_INT(bide_future_open(Point, &future), 0);
	EXPECT_INT(bide_future_result(future, &p), -EINPROGRESS);
	bide_task *task = bide_spawn(set_later, future);
	p.y = 0;
	EXPECT_INT(bide_future_await(future, &p), 0);
	EXPECT_DOUBLE(p.y, 2);
	EXPECT_ELAPSED(2);
	EXPECT_INT(bide_join(task), 0);
	bide_future_unref(future);
}

CPP_TEST(cpp_futures_of_void)
{
	bide_future *future;
	int called = 0;
	CHECK_INT(bide_future_open(void, &future), 0);
	EXPECT_INT(bide_future_on_done(
			   future, [](void *arg, bide_future *) { ++*static_cast<int *>(arg); },
			   &called),
	           0);
	EXPECT_INT(bide_future_set(future, nullptr), 0);
	EXPECT_INT(bide_future_await(future, nullptr), 0);
	EXPECT_INT(called, 1);
	bide_future_unref(future);
}

CPP_TEST(cpp_selects_among_arms)
{
	bide_queue *queue;
	int item = 4, got = 0;
	bide_event event = BIDE_EVENT_INIT;
	CHECK_INT(bide_queue_open(int, nullptr, &queue), 0);
	bide_arm put[] = { bide_arm_event(&event), bide_arm_put(queue, &item) };
	EXPECT_INT(bide_select(put, 2), 1);
	bide_arm get[] = { bide_arm_sleep(1), {}, bide_arm_get(queue, &got) };
	EXPECT_INT(bide_select(get, 3), 2);
	EXPECT_INT(get[2].rc, 0);
	EXPECT_INT(got, 4);
	bide_queue_free(queue);
}

static BIDE_ASYNC(Point, opposite, Point);
static Point opposite(Point point)
{
	Point turned;
	turned.x = -point.x;
	turned.y = -point.y;
	return turned;
}

CPP_TEST(cpp_calls_a_loop)
{
	Point point;
	Point turned = bide_to_loop(bide_current_loop(), opposite, point);
	EXPECT_DOUBLE(turned.y, -2);
	bide_task *task = bide_spawn_on(bide_current_loop(), opposite, turned);
	EXPECT_DOUBLE(bide_await(Point, task).y, 2);
}

static BIDE_ASYNC(int, send_points, bide_channel *, int);
static int send_points(bide_channel *channel, int n)
{
	int rc = 0;
	for (Point p; n > 0 && rc == 0; n--, p.x++)
		rc = bide_channel_send(channel, &p);
	return rc;
}

CPP_TEST(cpp_channels_have_items_that_are_copied_as_bytes)
{
	bide_channel *channel;
	CHECK_INT(bide_channel_open(Point, 2, &channel), 0);
	bide_task *task = bide_spawn(send_points, channel, 9);
	double sum = 0;
	for (int i = 0; i < 9; i++) {
		Point p;
		EXPECT_INT(bide_channel_receive(channel, &p), 0);
		sum = sum * 10 + p.x;
	}
	EXPECT_DOUBLE(sum, 123456789);
	EXPECT_INT(bide_join(task), 0);
	EXPECT_UINT(bide_channel_size(channel), 0);
	bide_channel_unref(channel);
}

CPP_TEST(cpp_channels_of_enums)
{
	bide_channel *channel;
	CHECK_INT(bide_channel_open(Color, 1, &channel), 0);
	Color color = Color::green;
	EXPECT_INT(bide_channel_try_send(channel, &color), 0);
	EXPECT_INT(bide_channel_try_send(bide_channel_ref(channel), &color), -EAGAIN);
	bide_channel_unref(channel);
	bide_channel_close(channel);
	color = Color::red;
	EXPECT_INT(bide_channel_try_receive(channel, &color), 0);
	EXPECT(color == Color::green);
	EXPECT_INT(bide_channel_try_receive(channel, &color), -BIDE_ECLOSED);
	bide_channel_unref(channel);
}
