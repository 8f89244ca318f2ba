#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of what `bide fetch` shows: the progress bar on a terminal, JSON, the picture. Reports in
TAP."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import termios
import xml.dom.minidom

from site_kit import BIDE, PATIENCE, environment, fetch, main, site, start, wait_until

URLS = 40  # of 25 ms each, by six: the bar is drawn once at least
SVG = 'http://www.w3.org/2000/svg'


def on_terminal(served, *arguments, columns=70, **more):
    """What comes on a terminal of so many columns, which both outputs are, unless `stdout` is
    something else."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    urls = [served.url('/late/25?%d' % i) for i in range(URLS)]
    stdout, expected = more.pop('stdout', terminal), more.pop('expected', 0)
    process = subprocess.Popen([BIDE, 'fetch'] + list(arguments) + urls, stdin=subprocess.DEVNULL,
                               stdout=stdout, stderr=terminal, env=environment(**more))
    os.close(terminal)
    shown = b''
    try:
        while True:
            piece = os.read(controller, 65536)
            if not piece:
                break
            shown += piece
    except OSError:  # what Linux says when nobody has the terminal open any longer
        pass
    os.close(controller)
    assert process.wait(PATIENCE) == expected
    return shown.decode()


def bars(shown):
    """The bars that were drawn, without escapes."""
    return [re.sub(r'\033\[[0-9;]*[mK]', '', piece) for piece in re.split(r'[\r\n]', shown)
            if ' done, ' in piece]


def test_a_terminal_has_a_bar_that_fits(_):
    for columns in (30, 70, 200):
        with site() as served:
            shown = on_terminal(served, columns=columns, stdout=subprocess.DEVNULL)
        drawn = bars(shown)
        assert drawn and all(len(bar) < columns for bar in drawn), drawn
        assert any('[' in bar for bar in drawn) == (columns > 60), drawn
        done = [int(re.search(r'(\d+) done', bar).group(1)) for bar in drawn]
        assert done == sorted(done) and done[-1] <= URLS


def test_the_bar_is_taken_off_in_the_end(_):
    with site() as served:
        shown = on_terminal(served, stdout=subprocess.DEVNULL)
    last = re.split(r'\r(?!\n)', shown)[-1]
    assert last.startswith('\033[K%d fetched, 0 failed' % URLS), shown


def test_lines_and_the_bar_do_not_mix(_):
    """Each line of a result begins where the bar was taken off, or behind another line."""
    with site() as served:
        shown = on_terminal(served, '--verbose')
    assert shown.count('200   ') == URLS and bars(shown)
    for line in shown.split('\n'):
        if '200   ' in line:
            assert re.fullmatch(r'(.*\r\033\[K)?200 +5 +[\d.]+ http://\S+\r', line), repr(line)


def test_with_a_bar_there_are_lines_for_failures_only(_):
    with site() as served:
        shown = on_terminal(served)
        assert bars(shown) and shown.count('200   ') == 0
        shown = on_terminal(served, served.url('/nothing'), expected=1)
        assert len(re.findall(r'404 .*/nothing', shown)) == 1 and shown.count('200   ') == 0


def test_a_terminal_that_is_stopped_holds_nothing_up(_):
    """As by Ctrl-S, when the bar has been drawn for the first time."""
    controller, terminal = pty.openpty()
    with site() as served:
        urls = [served.url('/late/25?%d' % i) for i in range(4 * URLS)]
        process = start(*urls, stdout=subprocess.DEVNULL, stderr=terminal)
        shown = os.read(controller, 65536)
        termios.tcflow(terminal, termios.TCOOFF)
        wait_until(lambda: len(served.requests) == len(urls))
        termios.tcflow(terminal, termios.TCOON)
        os.close(terminal)
        with contextlib.suppress(OSError):  # what Linux says when it is open no longer
            while True:
                shown += os.read(controller, 65536)
    os.close(controller)
    assert process.wait(PATIENCE) == 0
    assert b'%d fetched, 0 failed' % len(urls) in shown, shown


def test_a_summary_that_a_stopped_terminal_does_not_take_waits_until_a_signal(_):
    controller, terminal = pty.openpty()
    with site() as served:
        process = start(served.url('/late/25'), stdout=subprocess.DEVNULL, stderr=terminal)
        termios.tcflow(terminal, termios.TCOOFF)
        wait_until(lambda: served.requests)
        for _ in range(2):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT
    os.close(terminal)
    os.close(controller)


def test_the_bar_is_drawn_ten_times_a_second_at_most(_):
    with site() as served:
        shown = on_terminal(served, '--per-host', '2', stdout=subprocess.DEVNULL)
    seconds = float(re.search(r'in ([\d.]+) s', shown).group(1))
    assert 1 <= len(bars(shown)) <= 10 * seconds + 1, shown


def test_without_a_terminal_there_are_no_escapes(_):
    with site() as served:
        urls = [served.url('/late/25?%d' % i) for i in range(URLS)]
        assert '\033' not in str(fetch(*urls)) and '\\r' not in str(fetch(*urls))


def test_plain_terminals_are_respected(_):
    with site() as served:
        assert '\033' not in on_terminal(served, TERM='dumb')
        shown = on_terminal(served, NO_COLOR='1')
        assert bars(shown) and not re.search(r'\033\[[0-9;]*m', shown), shown
        assert re.search(r'\033\[[0-9;]*m', on_terminal(served))
        assert on_terminal(served, '--quiet') == ''


# ---- JSON -------------------------------------------------------------------------------------

def test_each_result_is_an_object(directory):
    with site() as served:
        url = served.url('/away/9')
        status, out, err = fetch('--json', '-o', directory, url)
    line, last = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, '')
    assert sorted(line) == sorted(['url', 'final_url', 'outcome', 'status', 'error', 'bytes',
                                   'seconds', 'phases', 'attempts', 'file'])
    assert (line['url'], line['final_url'], line['outcome'], line['status'], line['error'],
            line['bytes'], line['attempts'], line['file']) == (
                url, served.url('/page/9'), 'fetched', 200, None, 7, 1, '9')
    assert sorted(line['phases']) == ['body', 'connect', 'name', 'queue', 'tls', 'wait']
    assert all(seconds >= 0 for seconds in line['phases'].values())
    assert sum(line['phases'].values()) <= line['seconds'] + line['phases']['queue'] + 1e-5
    assert last['summary']['fetched'] == 1 and last['summary']['bytes'] == 7
    assert sorted(last['summary']['latency']) == ['max', 'p50', 'p90', 'p99']


def test_phases_tell_where_the_time_went(_):
    with site() as served:
        _, out, _ = fetch('--json', '--per-host', '1', served.url('/late/100'),
                          served.url('/page/1'))
    first, second = [json.loads(line)['phases'] for line in out.splitlines()[:2]]
    assert first['wait'] >= 0.09 and second['queue'] >= 0.09, out


def test_strings_are_escaped(_):
    """Quotes, control characters, bytes that are no UTF-8, and characters that are."""
    urls = ['x"y\\', 'a\tb', '\xff\xfe', '\xed\xa0\x80', '\xc3\xa9', '\xf0\x9f\x98\x80', '\xc0\xaf',
            '\x7f\x1b[31m', '\xe2\x80']
    _, out, _ = fetch('--json', '-i', '-', text='\n'.join(urls))
    found = {json.loads(line)['url'] for line in out.splitlines()[:-1]}
    assert found == {'x"y\\', 'a\tb', '\ufffd\ufffd', '\ufffd\ufffd\ufffd', '\u00e9', '\U0001f600',
                     '\ufffd\ufffd', '\x7f\x1b[31m', '\ufffd\ufffd'}, found
    _, out, _ = fetch('-i', '-', text='\n'.join(urls))
    assert re.fullmatch(r'[\x20-\x7e\n]*', out), out


# ---- the picture ------------------------------------------------------------------------------

def picture(path):
    """The texts of a picture, and the titles of its rows."""
    document = xml.dom.minidom.parse(path)
    assert document.documentElement.namespaceURI == SVG
    with open(path, encoding='utf-8') as file:
        text = file.read()
    assert not re.search(r'(href|src|url\()', text.replace(SVG, '')), 'it is not self-contained'
    rows = [group.getElementsByTagName('title')[0].firstChild.data
            for group in document.getElementsByTagName('g')]
    return [node.firstChild.data for node in document.getElementsByTagName('text')], rows


def test_the_picture_has_a_row_for_each_request(directory):
    path = os.path.join(directory, 'x.svg')
    with site() as served:
        fetch('--retries', '1', '--timeline', path, served.url('/late/50?a<b>&\'"'),
              served.url('/flaky/1'), served.url('/nothing'), 'http://127.0.0.1:1/')
    texts, rows = picture(path)
    assert len(rows) == 4 and '4 requests, in the order in which they were begun' in texts
    assert any('late/50?a<b>&\'"' in row and 'waits for the first byte: ' in row for row in rows)
    assert any('flaky/1' in row and '2 attempts' in row for row in rows)
    assert any('127.0.0.1:1/' in row and 'Connection refused' in row for row in rows)
    for words in ('waits for its turn', 'name is looked up', 'connects', 'TLS',
                  'waits for the first byte', 'body comes'):
        assert words in texts
    assert [text for text in texts if re.fullmatch(r'[\d.]+ (µs|ms|s)', text)]
    assert os.listdir(directory) == ['x.svg']


def test_of_many_requests_some_rows_are_drawn(directory):
    path = os.path.join(directory, 'x.svg')
    with site() as served:
        fetch('-q', '--timeline', path, *[served.url('/page/%d' % i) for i in range(1000)])
    texts, rows = picture(path)
    assert len(rows) == 125, len(rows)
    assert any('every 8th of 1000 requests' in text for text in texts), texts[0]


def test_what_is_no_file_is_written_to_and_not_replaced(directory):
    """As root, --timeline /dev/null would otherwise make a file of that."""
    pipe = os.path.join(directory, 'pipe')
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    status, out, err = fetch('--timeline', pipe, '--retries', '0', 'http://127.0.0.1:1/')
    assert status == 1 and 'pipe' not in err, err
    assert os.read(reader, 65536).startswith(b'<?xml '), out
    os.close(reader)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode) and os.listdir(directory) == ['pipe']


def test_a_picture_goes_where_it_is_to_and_nowhere_else(directory):
    """A link to a file stays one; one that lies where the picture is written first is not followed."""
    def path(name):
        return os.path.join(directory, name)
    for name in ('old.svg', 'victim'):
        with open(path(name), 'w', encoding='utf-8') as file:
            file.write(name)
    os.symlink('old.svg', path('x.svg'))
    os.symlink('victim', path('old.svg.part'))
    fetch('--timeline', path('x.svg'), '--retries', '0', 'http://127.0.0.1:1/')
    assert len(picture(path('old.svg'))[1]) == 1 and os.path.islink(path('x.svg'))
    with open(path('victim'), encoding='utf-8') as file:
        assert file.read() == 'victim'
    assert sorted(os.listdir(directory)) == ['old.svg', 'victim', 'x.svg']


def test_a_picture_that_cannot_be_written_is_told(directory):
    path = os.path.join(directory, 'none', 'x.svg')
    with site() as served:
        status, _, err = fetch('--timeline', path, served.url('/page/1'))
        assert (status, served.requests) == (1, []), err
        assert err.endswith('none/x.svg: No such file or directory\n'), err
        status, _, err = fetch('-q', '--timeline', '/dev/full', served.url('/page/1'))
    assert (status, err) == (1, 'bide fetch: /dev/full: No space left on device\n')


if __name__ == '__main__':
    main(globals())
