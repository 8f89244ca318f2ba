#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of examples/ print what they are there to show. Reports in TAP."""

import os
import subprocess

EXAMPLES = os.path.join(os.environ.get('BIDE_BUILD', '.'), 'examples')
# What each prints.
EXPECTED = {
    'callbacks': ['unicorn: No such file or directory', 'hare: 22', 'cat: 33', 'tortoise: 11',
                  'tortoise: too slow'],
    'cores': ['41538 primes below 500000'],
}


def complaint(name):
    """What is wrong with an example, or None."""
    done = subprocess.run([os.path.join(EXAMPLES, name)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=60)
    if done.returncode == 0 and done.stdout.splitlines() == EXPECTED[name]:
        return None
    return 'status %d, and it printed\n%s' % (done.returncode, done.stdout)


def main():
    failed = 0
    print('1..%d' % len(EXPECTED))
    for number, name in enumerate(EXPECTED, 1):
        wrong = complaint(name)
        failed += wrong is not None
        print('%sok %d - %s' % ('not ' if wrong else '', number, name))
        if wrong:
            print('\n'.join('#   ' + line for line in wrong.splitlines()))
    return failed > 0


if __name__ == '__main__':
    raise SystemExit(main())
