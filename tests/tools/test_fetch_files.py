#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of what `bide fetch` writes: files, which are whole or are not there, the journal, the
standard output. Reports in TAP."""

import contextlib
import functools
import json
import os
import random
import re
import resource
import signal
import subprocess
import time

from site_kit import PATIENCE, Skip, content, fetch, main, sanitized, site, start, wait_until


def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()


def there(directory):
    """The files of a directory, without the journal."""
    return sorted(name for name in os.listdir(directory) if name != '.bide-fetch')


def journal(directory):
    """The journal's lines, without ports."""
    text = read(directory, '.bide-fetch').decode()
    return [re.sub(r':\d+/', '/', line).split('\t') for line in text.splitlines()]


# ---- files ------------------------------------------------------------------------------------

def test_bodies_become_files(directory):
    out = os.path.join(directory, 'new')
    with site() as served:
        status, _, _ = fetch('-o', out, served.url('/size/100000'), served.url('/page/7'))
    assert (status, there(out)) == (0, ['100000', '7'])
    assert read(out, '100000') == content(100000) and read(out, '7') == b'page 7\n'


def test_the_journal_tells_what_is_whole(directory):
    with site() as served:
        assert fetch('-o', directory, served.url('/file/10?x'))[0] == 0
    assert journal(directory) == [
        ['bide-fetch 1'], ['whole', '10', '10@x', '"v1"', 'http://127.0.0.1/file/10?x']]


def test_failures_leave_no_file(directory):
    with site() as served:
        served.cuts = 9
        status, _, _ = fetch('--retries', '0', '-o', directory, served.url('/status/404'),
                             served.url('/file/3000'), 'http://127.0.0.1:1/x')
    assert (status, there(directory)) == (1, [])


def test_names_never_leave_the_directory(directory):
    out = os.path.join(directory, 'out')
    hostile = ['/page/1/..%2f..%2fx', '/page/1/%2e%2e', '/page/1/.bide-fetch', '/page/1/x/..',
               '/page/1/%00x', '/page/1/-rf', '/page/1/a%0Ab', '/page/1/CON', '/page/1/aux.txt',
               '/page/1/x.part', '/page/1/' + 'n' * 1000, '/page/1/a%5Cb', '/page/1/%C3%A9',
               '/page/1/', '/page/1?/../../x', '/page/1/.', '/page/1/~', '/page/1/~root',
               '/page/1/%7Eroot', '/page/1/=ls']
    with site() as served:
        status, _, err = fetch('-o', out, *[served.url(path) for path in hostile])
    assert (status, os.listdir(directory)) == (0, ['out']), err
    names = there(out)
    assert len(names) == len(hostile), names
    for name in names:
        assert re.fullmatch(r'[A-Za-z0-9_@,+%][A-Za-z0-9._~@=,+%-]{0,238}', name), name
        assert not name.endswith('.part') and name.lower() not in ('con', 'aux.txt'), name


def test_different_urls_never_share_a_file(directory):
    paths = ['/page/1/x', '/page/2/x', '/page/3/X', '/page/4/x?', '/page/5/x#y', '/page/6/x.html',
             '/page/7/X.HTML', '/page/8?x=a&b', '/page/8?x=a_b']
    with site() as served:
        urls = [served.url(path) for path in paths]
        assert fetch('-o', directory, *urls)[0] == 0
        names = there(directory)
        status, _, err = fetch('-o', directory, *reversed(urls))
    assert status == 0 and '9 there already' in err, err
    assert len({name.lower() for name in names}) == len(paths) and there(directory) == names
    assert sorted(read(directory, name) for name in names) == sorted(
        b'page %s\n' % re.search(r'\d', path).group().encode() for path in paths)


def test_names_are_the_same_whatever_came_before(directory):
    one, other = os.path.join(directory, '1'), os.path.join(directory, '2')
    with site() as served:
        assert fetch('-o', one, served.url('/page/1/x'), served.url('/page/2/x.y'),
                     served.url('/page/3/x.y'))[0] == 0
        assert fetch('-o', other, served.url('/page/4/x.y'), served.url('/page/3/x.y'))[0] == 0
    suffixed = [name for name in there(one) if '-' in name]
    assert len(suffixed) == 1 and suffixed[0] in there(other), (there(one), there(other))
    assert re.fullmatch(r'x-[0-9a-f]{12}\.y', suffixed[0])


def test_files_of_others_are_left_alone(directory):
    with open(os.path.join(directory, '1'), 'wb') as file:
        file.write(b'precious')
    os.symlink('nowhere', os.path.join(directory, '2'))
    os.mkdir(os.path.join(directory, '3'))
    with site() as served:
        urls = [served.url('/page/%d' % i) for i in range(4)]
        assert fetch('-o', directory, *urls)[0] == 0
        names = there(directory)
        assert fetch('-o', directory, *urls)[1].count('present') == 4
    assert read(directory, '1') == b'precious' and os.readlink(os.path.join(directory, '2'))
    assert [name[:1] for name in names] == ['0', '1', '1', '2', '2', '3', '3'], names
    assert there(directory) == names and all(
        read(directory, name) == b'page %s\n' % name[:1].encode() for name in names if '-' in name)


def test_a_url_that_is_given_twice_is_fetched_once(directory):
    with site() as served:
        urls = [served.url('/page/1' + end) for end in ('', '#a', '')]
        _, out, err = fetch('-o', directory, *urls)
        assert served.counts == {'/page/1': 1}
    assert out.count('repeated') == 2 and '2 given twice' in err, out


def test_other_methods_and_bodies_make_other_files(directory):
    ways = ([], ['-d', 'q=1'], ['-d', 'q=2'], ['-X', 'PUT', '-d', 'q=2'], ['-X', 'PUT'])
    with site() as served:
        for _ in range(2):
            for way in ways:
                status, out, err = fetch(*way, '-o', directory, served.url('/page/1?x'))
                assert status == 0, (out, err)
        assert served.counts == {'/page/1?x': len(ways)}, served.requests
        assert 'present' in out
    assert len(there(directory)) == len(ways) and '1@x' in there(directory)
    assert 'q=' not in read(directory, '.bide-fetch').decode()
    assert all(re.fullmatch(r'1@x(-[0-9a-f]{12})?', name) for name in there(directory))


def test_what_is_whole_is_not_fetched_again(directory):
    with site() as served:
        urls = [served.url('/page/%d' % i) for i in range(3)]
        assert fetch('-o', directory, *urls)[0] == 0
        os.unlink(os.path.join(directory, '0'))
        with open(os.path.join(directory, '1'), 'ab') as file:
            file.write(b'more')
        status, out, _ = fetch('-o', directory, *urls)
    assert status == 0 and out.count('present') == 1, out
    assert served.counts == {'/page/0': 2, '/page/1': 2, '/page/2': 1}
    assert read(directory, '1') == b'page 1\n'


# ---- journals ---------------------------------------------------------------------------------

def test_a_torn_last_line_is_cut_off(directory):
    with site() as served:
        urls = [served.url('/page/%d' % i) for i in range(3)]
        assert fetch('-o', directory, *urls)[0] == 0
        whole = read(directory, '.bide-fetch')
        for size in range(len(whole)):
            with open(os.path.join(directory, '.bide-fetch'), 'wb') as file:
                file.write(whole[:size])
            if size % 29 == 0:
                for url in urls:  # what the journal does not name has not been renamed
                    if url.encode() + b'\n' not in whole[:size]:
                        os.unlink(os.path.join(directory, url[-1]))
                assert fetch('-o', directory, *urls)[0] == 0
                lines = read(directory, '.bide-fetch').splitlines(True)
                assert sorted(lines) == sorted(whole.splitlines(True)), (size, lines)


def test_lines_that_make_no_sense_are_passed_by(directory):
    bad = (b'whole\t7\t../x\t-\thttp://h/x\n' b'whole\tx\tx\t-\thttp://h/x\n' b'nonsense\n'
           b'whole\t7\t.x\t-\thttp://h/y\n' b'whole\t7\tx\t-\t\n' b'\x00\x01\xff\n' b'\n'
           b'whole\t1\tx\n')
    with site() as served:
        assert fetch('-o', directory, served.url('/page/1'))[0] == 0
        whole = read(directory, '.bide-fetch')
        with open(os.path.join(directory, '.bide-fetch'), 'wb') as file:
            file.write(whole.replace(b'whole', bad + b'whole', 1))
        assert 'present' in fetch('-o', directory, served.url('/page/1'))[1]


def test_what_is_no_journal_is_left_alone(directory):
    with open(os.path.join(directory, '.bide-fetch'), 'w', encoding='utf-8') as file:
        file.write('a diary\n')
    status, _, err = fetch('-o', directory, 'http://127.0.0.1:1/')
    assert status == 1 and 'not a journal' in err, err
    assert read(directory, '.bide-fetch') == b'a diary\n'


def test_closed_outputs_do_not_come_into_files(directory):
    closed = ('sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh')
    with site() as served:
        assert fetch('-o', directory, served.url('/page/1'), before=closed)[0] == 1
        lines = read(directory, '.bide-fetch').decode().splitlines()
    assert lines[0] == 'bide-fetch 1'
    assert [line.split('\t')[0] for line in lines[1:]] in ([], ['whole']), lines


def test_two_do_not_write_to_one_directory(directory):
    with site() as served:
        process = start('-o', directory, served.url('/hang'))
        wait_until(lambda: served.requests)
        status, _, err = fetch('-o', directory, served.url('/page/1'))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert status == 1 and 'another bide fetch' in err, err


# ---- ends that nobody wanted ------------------------------------------------------------------

def test_a_killed_run_is_gone_on_with(directory):
    """Killed at any moment it leaves files that are whole, and the next one does the rest."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for resume in ([], ['--resume']):
        out = os.path.join(directory, 'out%d' % len(resume))
        with site() as served:
            sizes = [0] + [chance.randrange(200000) for _ in range(59)]
            urls = [served.url('/file/%d' % size) for size in sizes]
            for _ in range(8):
                process = start('-q', '-o', out, *resume, *urls)
                time.sleep(chance.random() * 0.15)
                process.kill()
                process.communicate(timeout=PATIENCE)
                for name in os.listdir(out) if os.path.exists(out) else []:
                    if name.isdigit():
                        assert read(out, name) == content(int(name), 1), (seed, name)
            status, told, err = fetch('-q', '-o', out, *resume, *urls)
            assert status == 0, (seed, status, told, err)
        names = sorted(str(size) for size in set(sizes))
        assert there(out) == names, (seed, there(out))
        for name in names:
            assert read(out, name) == content(int(name), 1), (seed, name)


def interrupted(served, directory, size):
    """Has a file fetched by a third."""
    served.cuts = 1
    served.counts.clear()
    url = served.url('/file/%d' % size)
    assert fetch('--retries', '0', '--resume', '-o', directory, url)[0] == 1
    assert read(directory, '%d.part' % size) == content(size, served.version)[:size // 3]


def ranges(served):
    return [headers.get('Range') for _, _, headers, _ in served.requests]


def test_a_piece_is_gone_on_with(directory):
    with site() as served:
        interrupted(served, directory, 9000)
        assert fetch('--resume', '-o', directory, served.url('/file/9000'))[0] == 0
        assert ranges(served) == [None, 'bytes=3000-']
        assert served.requests[1][2]['If-Range'] == '"v1"'
    assert there(directory) == ['9000'] and read(directory, '9000') == content(9000, 1)


def test_what_had_come_before_is_not_counted_as_received(directory):
    with site() as served:
        interrupted(served, directory, 9000)
        _, out, _ = fetch('--resume', '--json', '-o', directory, served.url('/file/9000'))
    result, total = [json.loads(line) for line in out.splitlines()]
    assert (result['bytes'], total['summary']['bytes']) == (9000, 6000), out


def test_of_a_rest_that_comes_in_part_no_file_is_made(directory):
    with site() as served:
        interrupted(served, directory, 9000)
        served.most = 1000
        assert fetch('--resume', '-o', directory, served.url('/file/9000'))[0] == 0
        assert ranges(served) == [None, 'bytes=3000-', None]
        assert read(directory, '9000') == content(9000, 1)
        os.unlink(os.path.join(directory, '9000'))
        served.cuts = 1
        served.counts.clear()
        assert fetch('-o', directory, served.url('/file/9000'))[0] == 0
    assert read(directory, '9000') == content(9000, 1)


def test_a_part_that_was_not_asked_for_is_no_file(directory):
    with site() as served:
        for path in ('/part/0/9/9000', '/part/5/8/9'):
            status, out, _ = fetch('-o', directory, served.url(path))
            assert (status, there(directory)) == (1, []), out
            assert 'range' in out, out
        assert fetch(served.url('/part/0/9/9000'))[0] == 0
        assert fetch('-o', directory, served.url('/part/0/9/10'))[0] == 0
    assert there(directory) == ['10'] and read(directory, '10') == content(10)


def test_a_piece_of_another_version_is_dropped(directory):
    with site() as served:
        interrupted(served, directory, 9000)
        served.version = 2
        assert fetch('--resume', '-o', directory, served.url('/file/9000'))[0] == 0
    assert there(directory) == ['9000'] and read(directory, '9000') == content(9000, 2)


def test_a_piece_that_is_all_of_it_becomes_whole(directory):
    with site() as served:
        interrupted(served, directory, 9000)
        with open(os.path.join(directory, '9000.part'), 'ab') as file:
            file.write(content(9000, 1)[3000:])
        assert fetch('--resume', '-o', directory, served.url('/file/9000'))[0] == 0
        assert ranges(served) == [None, 'bytes=9000-']
    assert there(directory) == ['9000'] and read(directory, '9000') == content(9000, 1)


def test_a_piece_that_is_too_much_is_dropped(directory):
    with site() as served:
        interrupted(served, directory, 9000)
        with open(os.path.join(directory, '9000.part'), 'ab') as file:
            file.write(b'x' * 9000)
        assert fetch('--resume', '-o', directory, served.url('/file/9000'))[0] == 0
    assert there(directory) == ['9000'] and read(directory, '9000') == content(9000, 1)


def test_a_piece_of_a_run_without_resume_is_known_for_what_it_is(directory):
    """The journal does not take it for a piece of the version that was there before."""
    part = os.path.join(directory, '90000.part')

    def has_come():
        with contextlib.suppress(FileNotFoundError):  # the piece before is taken away first
            return read(part) == content(90000, 2)[:30000]

    with site() as served:
        interrupted(served, directory, 90000)
        served.version, served.cuts, served.stalls = 2, 9, True
        process = start('-o', directory, served.url('/file/90000'))
        wait_until(has_come)
        process.kill()
        process.communicate(timeout=PATIENCE)
        served.version, served.cuts = 1, 0
        assert fetch('--resume', '-o', directory, served.url('/file/90000'))[0] == 0
        assert ranges(served) == [None, None, 'bytes=30000-']
        assert served.requests[2][2]['If-Range'] == '"v2"'
    assert there(directory) == ['90000'] and read(directory, '90000') == content(90000, 1)


def test_a_piece_that_is_changed_meanwhile_is_not_gone_on_with(directory):
    def grow(part):
        with open(part, 'ab') as file:
            file.write(b'xyz')

    for meddle, left in ((grow, ['9000.part']), (os.unlink, [])):
        out_directory = os.path.join(directory, meddle.__name__)
        part = os.path.join(out_directory, '9000.part')
        with site() as served:
            interrupted(served, out_directory, 9000)
            served.before_rest = functools.partial(meddle, part)
            status, out, _ = fetch('--resume', '-o', out_directory, served.url('/file/9000'))
        assert status == 1 and there(out_directory) == left, out
        assert not left or len(read(part)) == 3003


def test_a_piece_that_is_changed_while_it_is_found_to_be_whole_is_not_taken_for_it(directory):
    def grow(part):
        with open(part, 'ab') as file:
            file.write(b'xyz')

    def link(part):
        os.rename(part, part + '.old')
        os.symlink('9000.part.old', part)

    for meddle in grow, link, os.unlink:
        out_directory = os.path.join(directory, meddle.__name__)
        part = os.path.join(out_directory, '9000.part')
        with site() as served:
            interrupted(served, out_directory, 9000)
            with open(part, 'ab') as file:
                file.write(content(9000, 1)[3000:])
            served.before_rest = functools.partial(meddle, part)
            status, out, _ = fetch('--resume', '-o', out_directory, served.url('/file/9000'))
            assert ranges(served) == [None, 'bytes=9000-', None], (meddle, ranges(served))
        whole = os.path.join(out_directory, '9000')
        assert status == 0 and not os.path.islink(whole), out
        assert read(whole) == content(9000, 1), meddle


def test_what_lies_in_the_place_of_a_piece_is_not_written_to(directory):
    """A link, to a file or as another name of it, or a pipe, of which nobody reads."""
    def put(name, text):
        with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
            file.write(text)
        return os.path.join(directory, name)
    put('victim', 'whole')
    os.link(os.path.join(directory, 'victim'), os.path.join(directory, '1.part'))
    os.symlink('victim', os.path.join(directory, '2.part'))
    os.mkfifo(os.path.join(directory, '3.part'))
    with site() as served:
        urls = [served.url('/page/%d' % i) for i in (1, 2, 3)]
        process = start('--retries', '0', '-o', directory, *urls)
        try:
            out, err = process.communicate(timeout=PATIENCE / 4)
        finally:
            process.kill()
        assert process.returncode == 0, (out, err)
    assert there(directory) == ['1', '2', '3', 'victim']
    assert read(directory, 'victim') == b'whole' and read(directory, '1') == b'page 1\n'


def test_a_body_that_is_cut_off_is_gone_on_with_in_the_same_run(directory):
    with site() as served:
        served.cuts = 2
        status, out, _ = fetch('-o', directory, served.url('/file/9000'))
        assert ranges(served) == [None, 'bytes=3000-', 'bytes=5000-']
    assert status == 0 and '(3 attempts)' in out, out
    assert read(directory, '9000') == content(9000, 1)


def test_an_interrupted_run_leaves_nothing_half(directory):
    with site() as served:
        process = start('-o', directory, served.url('/drip/900000'), served.url('/page/1'))
        wait_until(lambda: os.path.exists(os.path.join(directory, '900000.part')) and
                   os.path.exists(os.path.join(directory, '1')))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert (process.returncode, there(directory)) == (-signal.SIGINT, ['1'])


def test_too_little_memory_is_told(directory):
    """Somewhere between none and enough: files are whole, and it ends with a word."""
    if sanitized():
        raise Skip('sanitizers take address space by the terabyte')
    ends = set()
    with site() as served:
        urls = [served.url('/size/%d' % size) for size in range(1000, 1100)]
        for kilobytes in range(18000, 40000, 500):
            out = os.path.join(directory, str(kilobytes))
            limit = (kilobytes << 10, kilobytes << 10)
            status, told, err = fetch(
                '-q', '-o', out, '--retries', '0', *urls,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit))
            names = there(out) if os.path.exists(out) else []
            assert all(read(out, name) == content(int(name)) for name in names), names
            if status == 0:
                assert len(names) == len(urls)
            elif status != 127:  # which the loader ends with, not having begun
                assert status == 1 and 'Cannot allocate memory' in told + err, (told, err)
            ends.add(status)
    assert 0 in ends and 1 in ends, ends


def test_a_full_disk_is_told_and_ends_it(directory):
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory],
                      stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Skip('only root may mount a small disk')
    try:
        with site() as served:
            status, _, err = fetch('-o', directory, *[served.url('/size/%d' % size)
                                                      for size in (100, 1000000)])
        assert status == 1 and 'No space left on device' in err, err
        assert there(directory) in (['100'], []), there(directory)
    finally:
        subprocess.run(['umount', directory], check=True)


def test_a_directory_that_cannot_be_had_is_told(directory):
    path = os.path.join(directory, 'file')
    with open(path, 'w', encoding='utf-8'):
        pass
    for wrong, words in ((path, 'Not a directory'), (path + '/x', 'Not a directory'),
                         (os.path.join(directory, 'a/b'), 'No such file')):
        status, _, err = fetch('-o', wrong, 'http://127.0.0.1:1/')
        assert status == 1 and words in err and wrong in err, err


def test_a_directory_that_bodies_cannot_wait_in_is_told_once(directory):
    path = os.path.join(directory, 'none')
    status, out, err = fetch('-o', '-', *['http://127.0.0.1:1/'] * 2,
                             before=('env', 'TMPDIR=' + path))
    assert (status, out, err) == (1, '', 'bide fetch: %s: No such file or directory\n' % path), err


def test_arguments_that_make_no_sense_leave_no_directory(directory):
    for wrong in ['-H', 'Content-Length: 1'], ['--proxy', 'ftp://h/']:
        assert fetch('-o', os.path.join(directory, 'new'), *wrong, 'http://h/')[0] == 2
    assert os.listdir(directory) == []


def test_a_name_that_is_a_directory_fails_alone(directory):
    with site() as served:
        assert fetch('-o', directory, served.url('/page/1'))[0] == 0
        os.unlink(os.path.join(directory, '1'))
        os.mkdir(os.path.join(directory, '1'))
        status, out, _ = fetch('-o', directory, served.url('/page/1'), served.url('/page/2'))
    assert status == 1 and 'Is a directory' in out, out
    assert there(directory) == ['1', '2']


# ---- the standard output ----------------------------------------------------------------------

def test_bodies_are_written_in_the_order_given(_):
    paths = ['/late/200', '/size/300000', '/status/404', '/page/1', '/flaky/1', '/page/2']
    with site() as served:
        status, out, err = fetch('-o', '-', *[served.url(path) for path in paths], binary=True)
    assert (status, out) == (1, b'late\n' + content(300000) + b'page 1\nat last\npage 2\n')
    assert err.count('http://') == 6 and '5 fetched, 1 failed' in err, err


def test_a_body_is_not_written_twice(_):
    with site() as served:
        served.cuts = 2
        status, out, _ = fetch('-o', '-', served.url('/file/9000'), binary=True)
    assert (status, out) == (0, content(9000, 1))


if __name__ == '__main__':
    main(globals())
