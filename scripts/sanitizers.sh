#!/bin/sh
# SPDX-License-Identifier: MIT
# sanitizers.sh BUILD NAME…: runs tests in builds that watch more closely, or on other ground. Each
# has a build directory of its own beside BUILD; the last line adds up their counts. Names:
#
#   asan      AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, on each backend
#   asan-turns   the same in less time: each program on one backend, by turns, and none that has
#             little of the library; leaks are looked for in few
#   tsan      ThreadSanitizer, the tests that use threads or several loops
#   valgrind  Memcheck, a few tests of each kind: it is slow
#   aarch64   built for AArch64, run under emulation
#   ucontext  the context switch for other processors
#   strict    light tasks on stacks that nobody can touch while they are parked
#   evict     light tasks moved off at every park and their old frames overwritten
#   all       all of these
# run() and what it uses are called by name; $suite is words.
# shellcheck disable=SC2317,SC2086
set -u
cd "$(dirname -- "$0")/.." || exit 2
. scripts/counts.sh
. scripts/targets.sh
[ $# -ge 2 ] || {
	sed -n '3,15s/^# \{0,1\}//p' scripts/sanitizers.sh >&2
	exit 2
}
build=$1
shift
[ "$*" != all ] || set -- asan tsan valgrind aarch64 ucontext strict evict
# Who is watched takes his time, and waits for little else.
export BIDE_TEST_TIMEOUT="${BIDE_TEST_TIMEOUT:-2}"
suite="scripts/run-suite --jobs $(nproc)"
# Hundreds of programs are linked, for which gold takes half the time.
if command -v ld.gold >/dev/null; then
	export CC_LD=gold CXX_LD=gold
fi

# What needs the most of the library in the fewest tests.
smoke='test_smoke_*,test_task_*,test_light_*,test_stream_*,test_tls_handshake'
# What has little of the library, or takes long for other programs' sake.
apart='test_interleave_*,test_bench*,test_run,test_harness,test_lessons,test_http_peers'

# set_up NAME ARGUMENT…: makes a build directory of its own, whose name is left in $dir.
set_up() {
	dir=$build-$1
	shift
	scripts/configure "$dir" "$@"
}

# some PATTERNS ARGUMENT…: builds and runs these, and no others.
some() {
	patterns=$1
	shift
	# Names of targets are words.
	# shellcheck disable=SC2046
	"$ninja" -C "$dir" $(programs "$dir" "$patterns") &&
		$suite "$dir" --only "$patterns" "$@"
}

watch_addresses() {
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	set_up asan -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false &&
		"$ninja" -C "$dir"
}

run() {
	case $1 in
	asan)
		watch_addresses && $suite "$dir"
		;;
	asan-turns)
		# To look for leaks takes each test 60 ms.
		watch_addresses &&
			ASAN_OPTIONS=detect_leaks=0 $suite "$dir" --turns --except "$apart" &&
			$suite "$dir" --turns --only "$smoke,test_http_c*"
		;;
	tsan)
		# That of gcc 12 takes 200 times as long to begin a task.
		(
			if command -v clang >/dev/null; then
				export CC=clang CXX=clang++
			else
				export BIDE_TEST_TIMEOUT=4
			fi
			# What libraries read and free counts for nothing: they count their users by atomics
			# that are not seen, as OpenSSL does those of a session.
			export TSAN_OPTIONS=halt_on_error=1:ignore_noninstrumented_modules=1
			set_up tsan -Db_sanitize=thread -Db_lundef=false &&
				some '*thread*,test_cores_*,test_channel_[!f]*,test_select_channels,test_loops*,test_net_waits'
		)
		;;
	valgrind)
		set_up valgrind -Dvalgrind=enabled &&
			some "$smoke" --config valgrind=BIDE_BACKEND=epoll \
				--wrapper 'valgrind -q --leak-check=full --error-exitcode=99'
		;;
	aarch64)
		set_up aarch64 --cross-file scripts/aarch64.cross -Dio_uring=disabled -Dnet=disabled -Dtls=disabled -Dhttp=disabled &&
			some "$smoke,test_context*" --config aarch64=BIDE_BACKEND=epoll --wrapper 'qemu-aarch64 -L /usr/aarch64-linux-gnu'
		;;
	ucontext)
		set_up ucontext -Dcontext=ucontext && "$ninja" -C "$dir" &&
			$suite "$dir" --config ucontext=BIDE_BACKEND=epoll
		;;
	strict | evict)
		scripts/configure "$build" && "$ninja" -C "$build" &&
			$suite "$build" --loops --config "$1=BIDE_LIGHT=$1"
		;;
	*)
		echo "sanitizers.sh: there is no $1" >&2
		return 2
		;;
	esac
}

make_scratch
for name in "$@"; do
	step "$name" run "$name"
done
finish
