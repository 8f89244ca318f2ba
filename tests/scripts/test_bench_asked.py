#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of how scripts/bench takes samples of programs that ask a server: with programs in Python
that do well, too little, or something else."""

import os
import shutil
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TOP, 'scripts'), os.path.join(TOP, 'tests', 'harness')]

from benchlib import asked, process  # noqa: E402
from benchlib.model import Contestant, Fixed, Table  # noqa: E402

import tap  # noqa: E402

# get() asks for a page on a connection that stays open, and returns it.
PROGRAM = '''
import http.client, ssl, sys
row, n, port = sys.argv[1], int(sys.argv[2]), sys.argv[3]
kept = []
def get(path, port=port):
    if len(sys.argv) == 5:
        context = ssl.create_default_context(cafile=sys.argv[4])
        one = http.client.HTTPSConnection('localhost', int(port), context=context)
    else:
        one = http.client.HTTPConnection('127.0.0.1', int(port))
    kept.append(one)
    one.request('GET', path)
    return one.getresponse().read()
'''
# Each request for /held is made before an answer is waited for.
HOLD = '''
held = [http.client.HTTPConnection('127.0.0.1', int(port)) for _ in range(n)]
for one in held:
    one.request('GET', '/held')
for one in held:
    assert len(one.getresponse().read()) == 1024
print('ops', n)
'''
NGINX = shutil.which('nginx', path=os.environ.get('PATH', '') + ':/usr/sbin')


class Asked(unittest.TestCase):
    def take(self, how, body, n=5, timeout_s=60.0):
        """The sample of a program that does this."""
        # In a directory of its own, as Python looks for modules beside it.
        with tempfile.TemporaryDirectory() as directory:
            script = os.path.join(directory, 'program.py')
            with open(script, 'w', encoding='utf-8') as stream:
                stream.write(PROGRAM + body)
            contestant = Contestant('fake', (sys.executable, script), rows=('row',))
            table = Table('row', 'Asking', 'And asking.', Fixed(n), (), timeout_s=timeout_s)
            return how(contestant, table, n)


class Memory(Asked):
    def test_it_is_looked_at_when_all_have_asked(self):
        sample = self.take(asked.memory, '''
get('/begin')
idle = b'x' * (5 << 20)
get('/idle')
more = b'x' * (10 << 20)
''' + HOLD)
        self.assertEqual(sample.printed['ops'], 5)
        self.assertTrue(5 << 20 <= 5 * sample.printed['idle_bytes'] < 6 << 20)
        self.assertTrue(15 << 20 <= 5 * sample.printed['held_bytes'] < 17 << 20)

    def test_who_asks_for_less_has_no_figures(self):
        self.assertNotIn('held_bytes', self.take(asked.memory, 'get("/begin")').printed)

    def test_who_fails_is_told_of(self):
        with self.assertRaisesRegex(process.Failed, 'something'):
            self.take(asked.memory, 'get("/begin"); sys.exit("something")')

    def test_more_than_descriptors_is_no_error(self):
        with self.assertRaises(process.Cannot):
            self.take(asked.memory, '', n=1 << 40)


@unittest.skipUnless(NGINX, 'nginx is not installed')
class Nginx(Asked):
    def test_it_has_a_page_for_who_asks(self):
        sample = self.take(asked.requests(), 'print("size", len(get("/")))')
        self.assertEqual(sample.printed['size'], 1024)

    @unittest.skipUnless(shutil.which('openssl'), 'openssl is not installed')
    def test_it_has_a_certificate_that_can_be_verified(self):
        sample = self.take(asked.requests(tls=True), '''
print("size", len(get("/")))
print("version", kept[0].sock.version()[len("TLSv"):])
''')
        self.assertEqual(sample.printed, {'size': 1024, 'version': 1.3})

    def test_it_ends_with_the_sample(self):
        sample = self.take(asked.requests(), 'print("port", port)')
        with self.assertRaises(OSError):
            asked.socket.create_connection(('127.0.0.1', int(sample.printed['port'])), 1)

    def test_it_counts_what_a_file_of_urls_has_led_to(self):
        sample = self.take(asked.fetches, '''
for url in open(port):
    _, _, where, path = url.split("/")
    get("/" + path.strip(), where.split(":")[1])
''')
        self.assertEqual(sample.printed['ops'], 5)

    def test_urls_that_were_left_out_are_missed(self):
        self.assertEqual(self.take(asked.fetches, '').printed['ops'], 0)


if __name__ == '__main__':
    sys.exit(tap.run(sys.modules[__name__]))
