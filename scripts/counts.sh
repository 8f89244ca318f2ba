# SPDX-License-Identifier: MIT
# Counting what passed and failed, for the scripts that run several things: sourced, by any POSIX
# shell. The last line of each is that of tests/run.py, "N passed, N failed, N skipped", so that
# one can add up another's.
# shellcheck shell=sh
passed=0
failed=0
skipped=0
failed_steps=

# result STATUS WHAT: one thing was tried.
result() {
	if [ "$1" = 0 ]; then
		echo "ok     $2"
		passed=$((passed + 1))
	else
		echo "FAILED $2"
		failed=$((failed + 1))
	fi
}

# counts_in LOG: the three numbers of the last line with counts, or nothing.
counts_in() {
	sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$1" |
		tail -n 1
}

# add_counts STATUS LOG: a command ended with the status and wrote the log. Without counts it is one
# thing; one that fails without a failure among its counts is one failure more.
add_counts() {
	# The counts are words.
	# shellcheck disable=SC2046
	set -- "$1" $(counts_in "$2")
	[ $# = 4 ] || set -- "$1" "$(($1 == 0))" 0 0
	[ "$1" = 0 ] || [ "$3" -gt 0 ] || set -- "$1" "$2" 1 "$4"
	passed=$((passed + $2))
	failed=$((failed + $3))
	skipped=$((skipped + $4))
	[ "$3" = 0 ]
}

# Makes the directory $scratch, which goes with the script. step() needs it.
make_scratch() {
	scratch=$(mktemp -d) || exit 2
	trap 'rm -rf -- "$scratch"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# step HEADING COMMAND…: runs it, tells how long it took, adds up its counts. What it writes to
# standard error may be for a terminal, and is left alone.
step() {
	heading=$1
	begun=$(date +%s)
	shift
	printf '\n=== %s\n' "$heading"
	# Through a file, as the status of a pipeline is that of its last command.
	{
		"$@"
		echo $? >"$scratch/status"
	} | tee "$scratch/log"
	add_counts "$(cat "$scratch/status")" "$scratch/log" ||
		failed_steps="${failed_steps}failed: $heading
"
	printf '=== %s: %d s\n' "$heading" "$(($(date +%s) - begun))"
}

# The steps that failed, the last line, and the status to end with.
finish() {
	printf '%s' "$failed_steps"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] || exit 1
	[ "$passed" -gt 0 ] || exit 1
	exit 0
}
