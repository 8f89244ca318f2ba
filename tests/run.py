#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs test programs that report in TAP, several at once, and sums them up.

Each program prints its plan and a line for each test; see tests/harness/test.h. What counts as a
failure: a test that is not ok, a program that crashes, exits with an unexpected status, prints no
plan, or fewer or more results than it planned; a program that takes too long; a skip that is not in
the list of skips with its reason; and a run of nothing at all.

The list of skips has a line for each, a pattern and the reason, a tab between. A pattern is
program:test, or configuration/program:test; both it and the reason may have wildcards. Empty lines
and those that begin with # do not count.

The last line printed is always "N passed, N failed, N skipped". What runs, and for how long, is shown
on standard error where that is a terminal. An interrupt ends the programs, and the run with 130.
Needs Python 3.7 and nothing else, and must know nothing of the library.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

RESULT = re.compile(r'^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?([^#]*?)\s*(?:#\s*(.*))?$')
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*(.*))?$')
SKIP = re.compile(r'^SKIP\S*\s*(.*)$', re.IGNORECASE)

Result = collections.namedtuple('Result', 'ok name skip notes')
Job = collections.namedtuple('Job', 'program config environment')


class Report:
    """What a program said: its results, and what is wrong with the program as a whole."""

    def __init__(self):
        self.results = []
        self.problems = []
        self.notes = []
        self.seconds = 0.0


def name_of(job):
    return os.path.basename(job.program) + (' [%s]' % job.config if job.config else '')


def chosen_seed():
    """BIDE_TEST_SEED, to repeat a run, or a random one."""
    seed = os.environ.get('BIDE_TEST_SEED', '')
    return int(seed) if seed.isdigit() else random.SystemRandom().randrange(1 << 31)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(
        description='Runs test programs that report in TAP, and sums them up.')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, metavar='N',
                        help='programs to run at once (one for each processor)')
    parser.add_argument('--config', action='append', default=[], metavar='NAME=VAR=VALUE,...',
                        help='run every program with these variables; may be given several times')
    parser.add_argument('--wrapper', default='', metavar='COMMAND',
                        help='command to run programs by, such as "valgrind -q"; not for scripts')
    parser.add_argument('--skips', metavar='FILE', help='the skips that are allowed')
    parser.add_argument('--timeout', type=float, default=900, metavar='SECONDS',
                        help='how long a program may take (900)')
    parser.add_argument('--seed', type=int, metavar='N', default=chosen_seed(),
                        help='where tests with random choices start from')
    parser.add_argument('programs', nargs='*', metavar='PROGRAM')
    arguments = parser.parse_args(arguments)
    if arguments.jobs < 1 or arguments.timeout <= 0:
        parser.error('--jobs and --timeout must be positive')
    return arguments


def parse_config(text):
    """'ring=BIDE_BACKEND=io_uring,DEBUG=1' -> ('ring', {'BIDE_BACKEND': 'io_uring', ...})."""
    name, separator, rest = text.partition('=')
    pairs = [pair.partition('=') for pair in rest.split(',') if pair]
    if not name or not separator or not all(variable and equals for variable, equals, _ in pairs):
        sys.exit('run.py: not NAME=VAR=VALUE,...: ' + text)
    return name, {variable: value for variable, _, value in pairs}


def read_skips(path):
    skips = []
    if path is None:
        return skips
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip('\n')
            if not line.strip() or line.startswith('#'):
                continue
            pattern, tab, reason = line.partition('\t')
            if not tab or not pattern.strip() or not reason.strip():
                sys.exit('%s:%d: not a pattern, a tab and a reason' % (path, number))
            skips.append((pattern.strip(), reason.strip()))
    return skips


def matches(text, pattern):
    return text == pattern or fnmatch.fnmatchcase(text, pattern)


def skip_allowed(skips, job, result):
    test = '%s:%s' % (os.path.basename(job.program), result.name)
    names = [test] + (['%s/%s' % (job.config, test)] if job.config else [])
    return any(matches(name, pattern) and matches(result.skip, reason)
               for pattern, reason in skips for name in names)


def command_of(program, wrapper):
    if program.endswith('.py'):
        return [sys.executable, program]
    if program.endswith('.sh'):
        return ['sh', program]
    # A name without a slash means a file here, not one on the PATH.
    return shlex.split(wrapper) + [os.path.abspath(program)]


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Running:
    """What is being run, as several threads do it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ended = False
        self.since = {}  # of a process: (job, when it was started)

    def start(self, job, command, environment):
        with self.lock:
            if self.ended:
                raise OSError('interrupted')
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True)
            self.since[process.pid] = job, time.monotonic()
            return process

    def kill(self, process):
        """Ends what a process has left behind, and itself if need be."""
        with self.lock:
            kill_group(process.pid)
            self.since.pop(process.pid, None)

    def end(self):
        """Ends all, and lets nothing begin."""
        with self.lock:
            self.ended = True
            for pid in self.since:
                kill_group(pid)

    def names(self):
        now = time.monotonic()
        with self.lock:
            return ['%s %d s' % (name_of(job), now - start) for job, start in self.since.values()]


class Progress:
    """A line on a terminal that goes again before anything else is printed."""

    def __init__(self):
        self.interval = 1 if sys.stderr.isatty() else None

    def show(self, text):
        if self.interval:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write('\r' + text[:width] + '\033[K\r')
            sys.stderr.flush()


def execute(job, arguments, running, report):
    """Runs a program and returns its output and exit status; None when it took too long."""
    environment = dict(os.environ, BIDE_TEST_SEED=str(arguments.seed), **job.environment)
    process = running.start(job, command_of(job.program, arguments.wrapper), environment)
    try:
        output, _ = process.communicate(timeout=arguments.timeout)
    except subprocess.TimeoutExpired:
        running.kill(process)
        output, _ = process.communicate()
        report.problems.append('took longer than %g s' % arguments.timeout)
        return output, None
    running.kill(process)
    return output, process.returncode


def parse_output(text, report):
    """Fills the report from TAP. Lines that are not TAP belong to the test before them."""
    planned = None
    for line in text.splitlines():
        plan = PLAN.match(line)
        result = RESULT.match(line)
        if plan:
            if planned is not None:
                report.problems.append('printed two plans')
            planned = int(plan.group(1))
            skip = SKIP.match(plan.group(2) or '')
            if skip and planned == 0:
                report.results.append(Result(True, '*', skip.group(1), []))
                planned = 1
        elif result:
            skip = SKIP.match(result.group(4) or '')
            report.results.append(
                Result(not result.group(1), result.group(3), skip and skip.group(1), []))
        elif line.startswith('Bail out!'):
            report.problems.append(line)
        else:
            (report.results[-1].notes if report.results else report.notes).append(line)
    if planned is None:
        report.problems.append('printed no plan')
    elif planned != len(report.results):
        report.problems.append(
            'planned %d results, printed %d' % (planned, len(report.results)))
    elif planned == 0:
        report.problems.append('has no tests')


def judge_status(status, report):
    if status is None:
        return
    if status < 0:
        report.problems.append('ended by signal %d' % -status)
    elif status != 0 and all(result.ok for result in report.results):
        report.problems.append('exit status %d, but no test failed' % status)
    elif status == 0 and not all(result.ok for result in report.results):
        report.problems.append('exit status 0, though tests failed')


def run(job, arguments, running):
    report = Report()
    start = time.monotonic()
    try:
        output, status = execute(job, arguments, running, report)
    except OSError as error:
        report.problems.append('does not run: %s' % error)
        return report
    report.seconds = time.monotonic() - start
    parse_output(output.decode(errors='replace'), report)
    judge_status(status, report)
    return report


class Totals:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0


def add_up(job, report, skips):
    """Counts a program's results. Returns its totals and the lines that tell of its failures."""
    totals = Totals()
    lines = []
    for result in report.results:
        forbidden = result.skip is not None and not skip_allowed(skips, job, result)
        if not result.ok:
            totals.failed += 1
            lines.append('  not ok: ' + result.name)
            lines += ['    ' + note for note in result.notes]
        elif forbidden:
            totals.failed += 1
            lines.append('  skipped without leave: %s (%s)' % (result.name, result.skip))
        elif result.skip is not None:
            totals.skipped += 1
        else:
            totals.passed += 1
    if report.problems:
        totals.failed += len(report.problems)
        lines += ['  ' + problem for problem in report.problems]
        lines += ['    ' + note for note in report.notes]
        last = report.results[-1] if report.results else None
        # A crash tells of itself behind the last result; a failed test's notes are there already.
        if last and last.ok:
            lines += ['    ' + note for note in last.notes]
    return totals, lines


def print_program(job, report, totals, lines):
    print('%-4s %-40s %4d passed %3d failed %3d skipped %7.2f s' % (
        'FAIL' if totals.failed else 'ok', name_of(job), totals.passed, totals.failed, totals.skipped,
        report.seconds))
    for line in lines:
        print(line)
    sys.stdout.flush()


def reports_of(jobs, arguments, running):
    """The jobs and their reports, in the order given, so that two logs can be compared."""
    progress = Progress()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run, job, arguments, running) for job in jobs]
        try:
            for job, future in zip(jobs, futures):
                while not concurrent.futures.wait([future], progress.interval).done:
                    done = sum(future.done() for future in futures)
                    progress.show('%d of %d programs; running: %s' % (
                        done, len(jobs), ', '.join(running.names())))
                progress.show('')
                yield job, future.result()
        finally:
            for future in futures:
                future.cancel()
            running.end()


def sum_up(jobs, arguments):
    """Runs the jobs and tells of each; returns their totals."""
    skips = read_skips(arguments.skips)
    print('seed %d\n%d programs, %d at once' % (arguments.seed, len(jobs), arguments.jobs),
          flush=True)
    sums = Totals()
    for job, report in reports_of(jobs, arguments, Running()):
        totals, lines = add_up(job, report, skips)
        print_program(job, report, totals, lines)
        sums.passed += totals.passed
        sums.failed += totals.failed
        sums.skipped += totals.skipped
    return sums


def run_all(jobs, arguments):
    """Runs the jobs, prints their counts, and returns the status to exit with."""
    # A background job ignores SIGINT; the programs are to find it as they would on a terminal.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sums = sum_up(jobs, arguments)
    except KeyboardInterrupt:
        print('\ninterrupted', file=sys.stderr)
        return 130
    print('%d passed, %d failed, %d skipped' % (sums.passed, sums.failed, sums.skipped))
    return 1 if sums.failed or not sums.passed + sums.skipped else 0


def main():
    arguments = parse_arguments()
    configs = [parse_config(text) for text in arguments.config] or [('', {})]
    return run_all([Job(program, name, environment)
                    for program in arguments.programs for name, environment in configs], arguments)


if __name__ == '__main__':
    sys.exit(main())
