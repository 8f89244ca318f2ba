# SPDX-License-Identifier: MIT
"""Tests of Python's unittest, reported in TAP."""

import unittest


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
