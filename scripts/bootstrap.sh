# SPDX-License-Identifier: MIT
# What ./demo and ./test share, for any POSIX shell: finding out what is missing, and installing it
# where there is apt-get and a way to be root. Sourced; needs $me, the name for messages.
#
# A tool counts as there when it works, however it came; only then packages are thought of. What
# is only wanted (liburing, c-ares, OpenSSL, a C++ compiler) never stops a build.
#
# The caller's file mode mask is set aside: what is installed or built must be readable.
# shellcheck shell=sh disable=SC2154
umask 022
unset CDPATH

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "$me" "$*" >&2; }

# ---- what is there: each is one question, answered by trying ------------------------------------

# compiles COMPILER LANGUAGE HEADER: a compiler alone is not enough, it needs the headers of libc.
# Its name may come with arguments.
compiles() {
	# shellcheck disable=SC2086
	printf '#include <%s>\nint main(void) { return 0; }\n' "$3" |
		$1 -x "$2" -fsyntax-only - >/dev/null 2>&1
}

have_cc() {
	if [ -n "${CC-}" ]; then
		compiles "$CC" c stdlib.h
	else
		compiles cc c stdlib.h || compiles gcc c stdlib.h || compiles clang c stdlib.h
	fi
}

have_cxx() {
	if [ -n "${CXX-}" ]; then
		compiles "$CXX" c++ cstdlib
	else
		compiles c++ c++ cstdlib || compiles g++ c++ cstdlib || compiles clang++ c++ cstdlib
	fi
}

have_make() { make --version 2>/dev/null | grep -q 'GNU Make'; }
have_ninja() { ninja --version >/dev/null 2>&1 || ninja-build --version >/dev/null 2>&1; }
have_pkgconfig() { ${PKG_CONFIG:-pkg-config} --version >/dev/null 2>&1; }
have_python() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 7))' >/dev/null 2>&1; }
have_liburing() { ${PKG_CONFIG:-pkg-config} --exists liburing 2>/dev/null; }
have_cares() { ${PKG_CONFIG:-pkg-config} --exists libcares 2>/dev/null; }
have_http() {
	${PKG_CONFIG:-pkg-config} --exists zlib libbrotlidec libzstd libidn2 libpsl 2>/dev/null &&
		{ [ -f /usr/share/llhttp/llhttp.c ] ||
			${PKG_CONFIG:-pkg-config} --exists libllhttp 2>/dev/null; }
}
have_openssl() { ${PKG_CONFIG:-pkg-config} --atleast-version=3.0 openssl 2>/dev/null; }

have_meson() {
	version=$(meson --version 2>/dev/null) || return 1
	major=${version%%.*}
	minor=${version#*.}
	minor=${minor%%.*}
	[ "$major" -gt 0 ] || [ "$minor" -ge 53 ]
}

# One line for each: what it is for the reader, and Debian's packages for it.
describe() {
	case $1 in
	cc) say "a C compiler with the headers of libc${CC:+, by CC: $CC}" ;;
	cxx) say "a C++ compiler, for some of the tests" ;;
	make) say "GNU make" ;;
	meson) say "Meson 0.53 or newer" ;;
	ninja) say "Ninja" ;;
	pkgconfig) say "pkg-config, to find liburing, c-ares and OpenSSL" ;;
	python) say "Python 3.7 or newer" ;;
	liburing) say "liburing 2.3 or newer; without it epoll is used" ;;
	cares) say "c-ares 1.17 or newer; without it libbide-net is not built" ;;
	openssl) say "OpenSSL 3.0 or newer; without it libbide-tls is not built" ;;
	http) say "llhttp, zlib, brotli, zstd, libidn2, libpsl; without them libbide-http is not built" ;;
	esac
}

packages_of() {
	case $1 in
	cc) case ${CC-} in
		'' | cc | gcc) say gcc libc6-dev ;;
		clang) say clang libc6-dev ;;
		*) say "whatever has $CC" ;;
		esac ;;
	cxx) say g++ ;;
	make | meson) say "$1" ;;
	ninja) say ninja-build ;;
	pkgconfig) say pkg-config ;;
	python) say python3 ;;
	liburing) say liburing-dev ;;
	cares) say libc-ares-dev ;;
	openssl) say libssl-dev ;;
	http) say node-llhttp zlib1g-dev libbrotli-dev libzstd-dev libidn2-dev libpsl-dev ;;
	esac
}

# missing WHAT…: those of them that are not there, as words on one line.
missing() {
	found_missing=
	for what in "$@"; do
		"have_$what" || found_missing="$found_missing $what"
	done
	say "${found_missing# }"
}

all_packages_of() {
	for what in "$@"; do
		packages_of "$what"
	done | tr '\n' ' ' | sed 's/ *$//'
}

# ---- installing ----------------------------------------------------------------------------------

# Runs a command, with its environment before it, as root.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		env "$@"
	elif sudo -n true >/dev/null 2>&1; then
		sudo -n env "$@"
	else
		sudo env "$@"
	fi
}

# Whether packages can be installed at all; if not, the reason is in $why_not.
can_install() {
	case ${CC-} in
	'' | cc | gcc | clang) ;;
	*) have_cc || {
		why_not="no package is known for the compiler that CC names"
		return 1
	} ;;
	esac
	if ! command -v apt-get >/dev/null 2>&1; then
		why_not='there is no apt-get here'
	elif [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1; then
		return 0
	elif ! command -v sudo >/dev/null 2>&1; then
		why_not='not root, and there is no sudo'
	elif [ ! -t 0 ] || [ ! -t 2 ]; then
		why_not='not root, and sudo wants a password'
	else
		return 0
	fi
	return 1
}

apt() {
	as_root DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
		apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# install_packages NEEDED WANTED: lists of what is missing. A wanted package that does not exist
# must not keep the needed ones from being installed.
install_packages() {
	# The lists are words.
	# shellcheck disable=SC2046,SC2086
	set -- "$(all_packages_of $1)" "$(all_packages_of $1 $2)"
	say "Installing: $2"
	apt update || complain 'apt-get update failed; trying with the lists that are there'
	why_not='apt-get install failed'
	# shellcheck disable=SC2086
	apt install -y --no-install-recommends $2 ||
		{ [ -n "$1" ] && [ "$1" != "$2" ] && apt install -y --no-install-recommends $1; }
}

# ---- the whole -----------------------------------------------------------------------------------

list_missing() {
	for what in "$@"; do
		say "  $(describe "$what") (Debian: $(packages_of "$what"))"
	done
}

# bootstrap BUILD NEEDED WANTED: returns when everything needed is there, else ends the script.
# What is only wanted is not asked for again once there is a build.
bootstrap() {
	if [ "$(uname -s)" != Linux ]; then
		complain 'bide is for Linux only for now'
		exit 1
	fi
	# shellcheck disable=SC2086
	needed=$(missing $2) wanted=$(missing $3)
	[ -n "$needed$wanted" ] || return 0
	if [ -n "$needed" ] || [ ! -f "$1/build.ninja" ]; then
		if can_install && install_packages "$needed" "$wanted"; then
			why_not='the packages were installed, but do not give it'
		fi
		# shellcheck disable=SC2086
		needed=$(missing $needed) wanted=$(missing $wanted)
	fi
	if [ -z "$needed" ]; then
		[ -z "$wanted" ] || say 'Going without:'
		# shellcheck disable=SC2086
		list_missing $wanted
		return 0
	fi
	{
		complain "these are missing, and could not be installed ($why_not):"
		# shellcheck disable=SC2086
		list_missing $needed
		# shellcheck disable=SC2086
		[ -n "${CC-}" ] || say "On Debian: apt-get install $(all_packages_of $needed)"
	} >&2
	exit 1
}
