#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of tests/run.py: it must not call a run good that is not. Reports in TAP itself."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time

import tap

RUN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'run.py')
GOOD = 'echo 1..2; echo ok 1 - first; echo ok 2 - second'

directory = ''


def write(name, text, mode=0o644):
    path = os.path.join(directory, name)
    with open(path, 'w') as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def program(name, body):
    return write(name, '#!/bin/sh\n' + body + '\n', 0o755)


def start(*arguments, stderr=subprocess.STDOUT):
    return subprocess.Popen([sys.executable, RUN] + list(arguments), stdout=subprocess.PIPE,
                            stderr=stderr, universal_newlines=True)


def run(*arguments):
    """Runs run.py; returns its exit status, its last line and all it printed."""
    process = start(*arguments)
    output, _ = process.communicate()
    return process.returncode, output.splitlines()[-1], output


def expect(actual, status, last_line, *texts):
    assert actual[0] == status, actual
    assert actual[1] == last_line, actual
    for text in texts:
        assert text in actual[2], (text, actual[2])


def test_tests_that_pass_are_counted():
    expect(run(program('a', GOOD), program('b', GOOD)), 0, '4 passed, 0 failed, 0 skipped')


def test_a_test_that_fails_fails_the_run_and_is_explained():
    bad = 'echo 1..2; echo ok 1 - x; echo not ok 2 - y; echo "# the reason"; exit 1'
    expect(run(program('a', GOOD), program('b', bad)), 1, '3 passed, 1 failed, 0 skipped',
           'not ok: y', '# the reason')


def test_notes_of_tests_that_pass_are_not_shown():
    noisy = 'echo 1..1; echo ok 1 - x; echo "# noise"'
    actual = run(program('a', noisy))
    expect(actual, 0, '1 passed, 0 failed, 0 skipped')
    assert 'noise' not in actual[2]


def test_a_run_of_nothing_fails():
    expect(run(), 1, '0 passed, 0 failed, 0 skipped')


def test_a_program_without_tests_fails():
    expect(run(program('a', 'echo 1..0')), 1, '0 passed, 1 failed, 0 skipped', 'has no tests')


def test_a_program_that_says_nothing_fails():
    expect(run(program('a', 'exit 0')), 1, '0 passed, 1 failed, 0 skipped', 'printed no plan')


def test_a_program_that_is_not_there_fails():
    expect(run(os.path.join(directory, 'none')), 1, '0 passed, 1 failed, 0 skipped',
           'does not run')


def test_fewer_results_than_planned_fail():
    expect(run(program('a', 'echo 1..2; echo ok 1 - x')), 1, '1 passed, 1 failed, 0 skipped',
           'planned 2 results, printed 1')


def test_more_results_than_planned_fail():
    expect(run(program('a', 'echo 1..1; echo ok 1 - x; echo ok 2 - y')), 1,
           '2 passed, 1 failed, 0 skipped', 'planned 1 results, printed 2')


def test_a_crash_fails_and_shows_what_was_printed_last():
    crash = 'echo 1..1; echo ok 1 - x; echo last words >&2; kill -SEGV $$'
    expect(run(program('a', crash)), 1, '1 passed, 1 failed, 0 skipped', 'ended by signal 11',
           'last words')


def test_an_exit_status_that_no_test_explains_fails():
    expect(run(program('a', GOOD + '; exit 3')), 1, '2 passed, 1 failed, 0 skipped',
           'exit status 3')


def test_a_program_that_fails_a_test_and_exits_with_0_is_called_out():
    expect(run(program('a', 'echo 1..1; echo not ok 1 - x')), 1, '0 passed, 2 failed, 0 skipped',
           'exit status 0')


def test_a_program_that_hangs_is_killed_with_its_children():
    hang = 'echo 1..1; sleep 1000 & echo $! > %s/child; wait' % directory
    start = time.monotonic()
    expect(run('--timeout', '1', program('a', hang)), 1, '0 passed, 2 failed, 0 skipped',
           'took longer than 1 s', 'planned 1 results, printed 0')
    assert time.monotonic() - start < 60
    child_ends()


def test_an_interrupt_ends_the_programs_and_begins_none():
    hang = 'echo 1..1; echo $$ > %s/new; mv %s/new %s/child; sleep 1000' % ((directory,) * 3)
    process = start('--jobs', '1', program('a', hang), program('b', 'touch %s/begun' % directory))
    wait_for(lambda: os.path.exists(os.path.join(directory, 'child')), 'no program was started')
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output[-12:]) == (130, 'interrupted\n'), output
    child_ends()
    assert not os.path.exists(os.path.join(directory, 'begun'))


def child_ends():
    with open(os.path.join(directory, 'child')) as file:
        child = int(file.read())
    wait_for(lambda: not running(child), 'the child still runs')


def wait_for(condition, otherwise):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    assert False, otherwise


def running(pid):
    """A process that was killed may stay a zombie for as long as its new parent likes."""
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


def test_a_terminal_is_told_what_runs():
    waits = 'while [ ! -e %s/told ]; do sleep 0.01; done; ' % directory
    terminal, end = pty.openpty()
    process = start('--jobs', '1', program('slow', waits + GOOD), program('fast', GOOD), stderr=end)
    os.close(end)
    told = b''
    while b'0 of 2 programs; running: slow ' not in told:
        told += os.read(terminal, 4096)
    write('told', '')
    output, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert (process.returncode, 'running' in output) == (0, False), output


def test_a_skip_that_is_not_listed_fails():
    skip = program('a', 'echo 1..1; echo "ok 1 - x # SKIP not here"')
    expect(run(skip), 1, '0 passed, 1 failed, 0 skipped', 'skipped without leave: x (not here)')


def test_a_skip_listed_with_its_reason_is_counted():
    skip = program('a', 'echo 1..2; echo "ok 1 - x # SKIP not here"; echo ok 2 - y')
    skips = write('skips', '# comment\n\na:x\tnot here\n')
    expect(run('--skips', skips, skip), 0, '1 passed, 0 failed, 1 skipped')


def test_a_skip_listed_with_another_reason_fails():
    skip = program('a', 'echo 1..1; echo "ok 1 - x # SKIP not today"')
    skips = write('skips', 'a:x\tnot here\n')
    expect(run('--skips', skips, skip), 1, '0 passed, 1 failed, 0 skipped')


def test_a_skip_listed_for_another_program_fails():
    skip = program('a', 'echo 1..1; echo "ok 1 - x # SKIP not here"')
    skips = write('skips', 'b:x\tnot here\n')
    expect(run('--skips', skips, skip), 1, '0 passed, 1 failed, 0 skipped')


def test_skips_may_have_wildcards_and_name_a_configuration():
    skip = program('a', 'echo 1..1; echo "ok 1 - x # SKIP errno 38: no"')
    skips = write('skips', 'two/a:*\terrno *\n')
    expect(run('--skips', skips, '--config', 'one=V=1', '--config', 'two=V=2', skip), 1,
           '0 passed, 1 failed, 1 skipped')


def test_a_program_may_skip_itself_whole():
    skip = program('a', 'echo "1..0 # SKIP not here"')
    skips = write('skips', 'a:*\tnot here\n')
    expect(run('--skips', skips, skip), 0, '0 passed, 0 failed, 1 skipped')


def test_a_list_of_skips_without_reasons_is_refused():
    skips = write('skips', 'a:x\n')
    status, last, _ = run('--skips', skips, program('a', GOOD))
    assert status == 1 and 'skips:1: not a pattern, a tab and a reason' in last


def test_configurations_set_variables():
    body = 'echo 1..1; test "$V$W" = 12 && echo ok 1 - x || { echo not ok 1 - x; exit 1; }'
    expect(run('--config', 'good=V=1,W=2', '--config', 'bad=V=3', program('a', body)), 1,
           '1 passed, 1 failed, 0 skipped', 'a [good]', 'a [bad]')


def test_the_wrapper_runs_programs_but_not_scripts():
    body = 'echo 1..1; test "$WRAPPED" = "a b" && echo ok 1 - x || { echo not ok 1 - x; exit 1; }'
    wrapper = "env 'WRAPPED=a b'"
    expect(run('--wrapper', wrapper, program('a', body)), 0, '1 passed, 0 failed, 0 skipped')
    expect(run('--wrapper', wrapper, program('a.sh', body)), 1, '0 passed, 1 failed, 0 skipped')


def test_the_seed_is_passed_on_and_printed():
    body = 'echo 1..1; echo "not ok 1 - $BIDE_TEST_SEED"; exit 1'
    expect(run('--seed', '42', program('a', body)), 1, '0 passed, 1 failed, 0 skipped',
           'seed 42\n', 'not ok: 42\n')
    os.environ['BIDE_TEST_SEED'] = '7'
    expect(run(program('a', body)), 1, '0 passed, 1 failed, 0 skipped', 'seed 7\n')
    del os.environ['BIDE_TEST_SEED']
    first, second = (run(program('a', body))[2] for _ in range(2))
    assert first.splitlines()[0] != second.splitlines()[0]


def test_programs_are_reported_in_the_order_given():
    slow = program('slow', 'sleep 0.3; ' + GOOD)
    output = run('--jobs', '2', slow, program('fast', GOOD))[2]
    assert output.index('slow') < output.index('fast')


def test_paths_with_spaces_work():
    os.mkdir(os.path.join(directory, 'a b'))
    expect(run(program('a b/c d', GOOD)), 0, '2 passed, 0 failed, 0 skipped')


def in_directory(test):
    global directory
    with tempfile.TemporaryDirectory() as directory:
        test()


if __name__ == '__main__':
    sys.exit(tap.run_functions(tap.functions_of(globals()), in_directory))
