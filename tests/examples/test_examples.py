#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of examples/ print what they are there to show. What docs/howto/ shows in C is whole
programs, or pieces of examples, in blocks that name the file; what it shows in text is part of the
output of the example that the block names. Reports in TAP."""

import os
import re
import subprocess

import network

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = [os.path.join(TOP, 'docs', 'tutorial.md')] + [
    os.path.join(TOP, 'docs', 'howto', name)
    for name in sorted(os.listdir(os.path.join(TOP, 'docs', 'howto')))]
EXAMPLES = os.path.join(os.environ.get('BIDE_BUILD', '.'), 'examples')
# What each prints; those that serve, or talk to somebody, are in network.py.
EXPECTED = {
    'callbacks': ['unicorn: No such file or directory', 'hare: 22', 'cat: 33', 'tortoise: 11',
                  'tortoise: too slow'],
    'cores': ['41538 primes below 500000'],
    'existing': ['it was off by 3', 'reading 1', 'reading 2', 'reading 3', '17984 primes'],
    'shared': ['300000', 'ada begins', 'ada ends', 'bob begins', 'bob ends',
               "ada: the task's user is ada, the thread's is bob",
               "bob: the task's user is bob, the thread's is bob"],
}


def complaint(name):
    """What is wrong with an example, or None."""
    done = subprocess.run([os.path.join(EXAMPLES, name)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=60)
    if done.returncode == 0 and done.stdout.splitlines() == EXPECTED[name]:
        return None
    return 'status %d, and it printed\n%s' % (done.returncode, done.stdout)


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def shown_rightly(language, name, piece):
    if language == 'c' and name:
        return '\n' + piece in read(TOP, 'examples', name)
    if language == 'text' and name:
        return piece in '\n'.join(EXPECTED.get(name, network.SHOWN.get(name)) + [''])
    return language != 'c' or 'main(' in piece  # which scripts/check-docs compiles


def strangers(document):
    """What a document shows that the tests do not run, or None."""
    text = read(document)
    blocks = re.findall(r'^```(\w*) ?(\S*)\n(.*?)^```$', text, re.M | re.S)
    if text.count('```') != 2 * len(blocks):
        return 'a block that is not understood'
    return '\n'.join(block[-1] for block in blocks if not shown_rightly(*block)) or None


def left_out(name):
    """What of an example that is gone through piece by piece is in no document, or None."""
    shown = {line for document in DOCUMENTS for piece in
             re.findall(r'^```c %s\n(.*?)^```$' % re.escape(name), read(document), re.M | re.S)
             for line in piece.splitlines()}
    code = re.sub(r'^/\*.*?\*/$|^// [^\n]*$', '', read(TOP, 'examples', name), flags=re.M | re.S)
    return '\n'.join(line for line in code.splitlines() if line and line not in shown) or None


def main():
    failed = 0
    tests = [(name, complaint, name) for name in EXPECTED]
    tests += [(name, test, EXAMPLES) for name, test in network.TESTS]
    tests += [(os.path.basename(path), strangers, path) for path in DOCUMENTS]
    tests += [('http_client.c is shown as a whole', left_out, 'http_client.c')]
    print('1..%d' % len(tests))
    for number, (name, test, argument) in enumerate(tests, 1):
        try:
            wrong = test(argument)
        except network.Skipped as skipped:
            print('ok %d - %s # SKIP %s' % (number, name, skipped))
            continue
        failed += wrong is not None
        print('%sok %d - %s' % ('not ' if wrong else '', number, name))
        if wrong:
            print('\n'.join('#   ' + line for line in wrong.splitlines()))
    return failed > 0


if __name__ == '__main__':
    raise SystemExit(main())
