# SPDX-License-Identifier: MIT
"""Tests of Python's unittest, and functions that are tests, reported in TAP."""

import unittest


class Skip(Exception):
    """A test cannot run here."""


class Report(unittest.TestResult):
    """Prints a line for each test."""

    number = 0

    def stopTest(self, test):
        super().stopTest(test)
        self.number += 1
        wrong = [trace for failed, trace in self.failures + self.errors if failed is test]
        why = [' # SKIP ' + reason for skipped, reason in self.skipped if skipped is test]
        name = test.id().split('.')[-1][5:]
        print('%sok %d - %s%s' % ('not ' if wrong else '', self.number, name, ''.join(why)))
        for line in '\n'.join(wrong).splitlines():
            print('# ' + line, flush=True)


def run(module):
    """Runs the tests of a module; returns whether one failed."""
    tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    print('1..%d' % tests.countTestCases(), flush=True)
    report = Report()
    tests.run(report)
    return not report.wasSuccessful()


def functions_of(namespace):
    """The tests among what globals() gives."""
    return [thing for name, thing in namespace.items() if name.startswith('test_')]


def run_functions(tests, call):
    """Has each test be called by call(test), which raises what is wrong, or Skip; returns whether
    one failed."""
    failed = False
    print('1..%d' % len(tests), flush=True)
    for number, test in enumerate(tests, 1):
        word, skipped, wrong = 'ok', '', ''
        try:
            call(test)
        except Skip as reason:
            skipped = ' # SKIP %s' % reason
        except Exception as error:  # pylint: disable=broad-except
            failed, word, wrong = True, 'not ok', '%s: %s' % (type(error).__name__, error)
        name = test.__name__
        name = name[5:] if name.startswith('test_') else name
        print('%s %d - %s%s' % (word, number, name, skipped), flush=True)
        for line in wrong.splitlines():
            print('# ' + line, flush=True)
    return failed
