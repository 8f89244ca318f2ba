#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A debugger sees a task as it sees a thread: its stack from the innermost call out to the task's
function and the few frames of the library below that, and there it ends. Reports in TAP."""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, 'tests', 'harness'))

import tap  # noqa: E402

TARGET = os.path.join(os.environ.get('BIDE_BUILD', '.'), 'tests', 'gdb_target')
SANITIZER = 'set environment ASAN_OPTIONS=detect_leaks=0'  # which a debugger is in the way of
UCONTEXT = 'with ucontext the frames of libc are below those of a task'
NO_GDB = 'gdb is not installed or may not watch processes here'


def gdb(commands, *arguments):
    """What gdb prints when it has run these commands on the target; None where it can not."""
    if not shutil.which('gdb'):
        return None
    line = ['gdb', '-nx', '-batch']
    for command in ['set debuginfod enabled off', 'set width 0', 'set confirm off',
                    'set startup-with-shell off', SANITIZER] + commands:
        line += ['-ex', command]
    done = subprocess.run(line + ['--args', TARGET] + list(arguments), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          universal_newlines=True, timeout=120, errors='replace')
    return None if 'ptrace: Operation not permitted' in done.stdout else done.stdout


def frames(output):
    """The names of the functions of a backtrace, innermost first."""
    return re.findall(r'^#\d+ +(?:0x[0-9a-f]+ in )?([^ ]+) \(', output, re.MULTILINE)


def expect_stack(output, *functions):
    names = frames(output)
    assert names[:len(functions)] == list(functions), output
    rest = names[len(functions):]
    # The function that unpacks the arguments, the task's start and the bottom of the stack.
    assert rest[:2] == [functions[-1] + '_bide_run', 'bide__task_entry'], output
    assert len(rest) == 3 and rest[2].endswith('context_entry'), output
    assert 'Backtrace stopped' not in output and 'corrupt' not in output, output


def backtrace(*arguments):
    return gdb(['break inner', 'run', 'backtrace'], *arguments)


def test_the_stack_of_a_full_task_is_seen_to_its_start():
    output = backtrace()
    if output is None:
        return NO_GDB
    expect_stack(output, 'inner', 'middle', 'outer')
    return None


def test_the_stack_of_a_light_task_is_seen_to_its_start():
    output = backtrace('light')
    if output is None:
        return NO_GDB
    expect_stack(output, 'inner', 'middle', 'outer', 'outer_light')
    return None


def test_a_task_can_be_finished_step_by_step():
    """Through a suspension: the breakpoint after it is on the same stack."""
    output = gdb(['break inner', 'run', 'finish', 'backtrace', 'continue'])
    if output is None:
        return NO_GDB
    assert 'Value returned is $1 = 4' in output, output
    expect_stack(output[output.index('Value returned'):], 'middle', 'outer')
    assert 'result 7' in output, output
    return None


def test_arguments_and_variables_are_seen():
    output = gdb(['break bide_yield if 0', 'break inner', 'run', 'up 2', 'print value',
                  'print here'])
    if output is None:
        return NO_GDB
    assert re.search(r'\$2 = 1$', output, re.MULTILINE), output
    return None


def built_with_ucontext():
    try:
        with open(os.path.join(os.environ['BIDE_BUILD'], 'build.ninja'), encoding='utf-8') as file:
            return 'BIDE_CONTEXT_UCONTEXT' in file.read()
    except (KeyError, OSError):
        return False


def run(test):
    skip = UCONTEXT if built_with_ucontext() else test()
    if skip:
        raise tap.Skip(skip)


if __name__ == '__main__':
    sys.exit(tap.run_functions(tap.functions_of(globals()), run))
