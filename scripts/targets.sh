# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced, in the top directory of the tree: names of what Ninja can build.

ninja=$(command -v ninja || command -v ninja-build)

# programs DIRECTORY PATTERNS [END]: the test programs there whose names match 'test_a_*,test_b' and
# end so.
programs() {
	names=$(printf '%s' "$2" | sed 's/\[!/[^/g; s/\*/[^:]*/g; s/,/|/g')
	"$ninja" -C "$1" -t targets all | grep -E "^tests/($names)${3-}:" | cut -d : -f 1
}
