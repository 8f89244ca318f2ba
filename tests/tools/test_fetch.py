#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of `bide fetch`: which URLs, in which way, and how it ends. Reports in TAP."""

import json
import os
import re
import signal
import subprocess
import time

from site_kit import BIDE, PATIENCE, TOP, Skip, fetch, main, sanitized, site, start, wait_until


def results(out):
    """The lines of JSON, without the last, by their URLs' paths; and the last one."""
    lines = [json.loads(line) for line in out.splitlines()]
    assert 'summary' in lines[-1], out
    return {re.sub(r'^\w+://[^/]*', '', it['url']): it for it in lines[:-1]}, lines[-1]['summary']


def paths_of(served):
    return [path for _, path, _, _ in served.requests]


# ---- which URLs -------------------------------------------------------------------------------

def test_each_url_has_a_line_with_status_bytes_seconds(_):
    with site() as served:
        status, out, _ = fetch(served.url('/page/1'), served.url('/size/1000'))
    assert status == 0
    lines = sorted(line.split() for line in out.splitlines())
    assert [line[:2] for line in lines] == [['200', '1000'], ['200', '7']], out
    assert all(float(line[2]) < PATIENCE for line in lines)
    assert sorted(line[3] for line in lines) == [served.url('/page/1'), served.url('/size/1000')]


def test_urls_come_from_the_arguments_and_from_a_file(directory):
    path = os.path.join(directory, 'list')
    with site() as served:
        with open(path, 'w', encoding='utf-8') as file:
            file.write('\ufeff%s  \r\n# a comment\n\n   \n#\0\n#%s\n\t%s' % (
                served.url('/page/2'), 'x' * 100000, served.url('/page/3')))
        status, _, _ = fetch(served.url('/page/1'), '-i', path)
    assert status == 0
    assert sorted(paths_of(served)) == ['/page/1', '/page/2', '/page/3']


def test_urls_come_from_the_standard_input(_):
    with site() as served:
        status, out, _ = fetch('-i', '-', text=served.url('/page/1') + '\n')
    assert (status, len(out.splitlines())) == (0, 1)


def test_ten_thousand_urls_are_fetched(_):
    with site() as served:
        text = ''.join(served.url('/page/%d' % i) + '\n' for i in range(10000))
        status, out, _ = fetch('-i', '-', '--json', text=text)
    found, summary = results(out)
    assert (status, summary['fetched'], len(found)) == (0, 10000, 10000)
    assert sorted(paths_of(served)) == sorted(found)
    assert summary['bytes'] == sum(len('page %d\n' % i) for i in range(10000))


def test_a_list_is_not_held_in_memory(directory):
    """A hundred megabytes of lines, of which none is a URL."""
    if sanitized():
        raise Skip('sanitizers keep memory of their own')
    path = os.path.join(directory, 'list')
    with open(path, 'wb') as file:
        for _ in range(200):
            file.write((b'x' * 500 + b'\n') * 1000)
    process = start('-q', '-i', path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.WEXITSTATUS(status)
    assert process.returncode == 1 and usage.ru_maxrss < 40000, (status, usage.ru_maxrss)


def test_lines_that_are_no_urls_fail_and_others_do_not(_):
    bad = ['nothing', 'ftp://host/', 'http://', 'http://a b/', 'http://h/' + 'x' * 70000,
           'http:///x']
    with site() as served:
        text = '\n'.join(bad + [served.url('/page/1')]) + '\nhttp://h/a\x00b\n'
        status, out, _ = fetch('-i', '-', '--json', text=text)
    found, summary = results(out)
    assert (status, summary['fetched'], summary['failed']) == (1, 1, 7), out
    assert summary['failures'] == {'not a URL of http or https': 7}
    assert found['/page/1']['status'] == 200


def test_a_list_that_cannot_be_read_is_told(directory):
    status, out, err = fetch('-i', os.path.join(directory, 'none'))
    assert (status, out) == (1, '') and 'none: No such file' in err, err
    status, out, err = fetch('-i', directory)
    assert (status, out) == (1, '') and 'Is a directory' in err, err


# ---- in which way -----------------------------------------------------------------------------

def test_so_many_requests_at_once_as_are_asked_for(_):
    for options, most in (['-c', '2'], 2), (['--per-host', '2'], 2), (['--per-host', '8'], 8):
        with site() as served:
            urls = [served.url('/late/%d?%d' % (50 * most, i)) for i in range(8)]
            assert fetch('--per-host', '8', *options, *urls)[0] == 0
            assert served.at_once == most, (options, served.at_once)


def test_a_rate_is_kept(_):
    with site() as served:
        begin = time.monotonic()
        assert fetch('--rate', '20/s', *[served.url('/page/%d' % i) for i in range(5)])[0] == 0
        assert 0.2 - 0.01 <= time.monotonic() - begin < 5
        assert fetch('--rate', '72000/h', served.url('/page/1'))[0] == 0


def test_a_rate_counts_redirects_and_retries(_):
    """Each is two requests: the last of five begins after eight."""
    for path in '/away/%d', '/busy/0?%d':
        with site() as served:
            begin = time.monotonic()
            assert fetch('--rate', '20', *[served.url(path % i) for i in range(5)])[0] == 0
            assert time.monotonic() - begin >= 0.4 - 0.01
            assert len(served.requests) == 10


def test_what_may_get_better_is_tried_again(_):
    with site() as served:
        status, out, _ = fetch('--json', served.url('/flaky/2'), served.url('/status/404'))
    found, _ = results(out)
    assert status == 1
    assert (found['/flaky/2']['status'], found['/flaky/2']['attempts']) == (200, 3)
    assert (found['/status/404']['outcome'], found['/status/404']['attempts']) == ('failed', 1)


def test_retries_are_as_many_as_are_asked_for(_):
    with site() as served:
        assert fetch('--retries', '0', served.url('/flaky/1'))[0] == 1
        assert fetch('--retries', '1', served.url('/status/503'))[0] == 1
    assert served.counts == {'/flaky/1': 1, '/status/503': 2}


def test_a_post_is_not_repeated(_):
    with site() as served:
        assert fetch('-d', 'a=b', served.url('/status/503'))[0] == 1
    (method, _, headers, posted), = served.requests
    assert (method, posted) == ('POST', b'a=b')
    assert headers['Content-Type'] == 'application/x-www-form-urlencoded'
    with site() as served:
        served.cuts = 1
        assert fetch('-d', 'a=b', served.url('/file/9000'))[0] == 1
        assert fetch('-X', 'PUT', '-d', 'a=b', served.url('/file/8000'))[0] == 0
    assert [it[0] for it in served.requests] == ['POST', 'PUT', 'PUT']


def test_a_header_says_what_the_body_is(_):
    for header in ('Content-Type: application/json', 'content-type:application/json'):
        with site() as served:
            assert fetch('-H', header, '-d', '{}', served.url('/page/1'))[0] == 0
        (method, _, headers, posted), = served.requests
        assert (method, posted) == ('POST', b'{}')
        assert headers.get('Content-Type') == 'application/json', headers


def test_a_server_is_left_alone_as_long_as_it_asks(_):
    with site() as served:
        begin = time.monotonic()
        assert fetch(served.url('/busy/1'))[0] == 0
        assert time.monotonic() - begin >= 1


def test_what_does_not_come_forward_times_out(_):
    with site() as served:
        status, out, _ = fetch('--timeout', '0.2', '--retries', '0', '--json', served.url('/hang'))
    found, _ = results(out)
    assert status == 1 and found['/hang']['error'] == 'the response stalled for too long'
    assert found['/hang']['seconds'] >= 0.2


def test_a_body_that_comes_slowly_does_not_time_out(_):
    with site() as served:
        assert fetch('--timeout', '0.2', served.url('/drip/40000'))[0] == 0


def test_headers_method_and_user_agent_are_sent(_):
    with site() as served:
        assert fetch('-H', 'X-One: 1', '--header', 'X-Two: 2', '-A', 'somebody', '-X', 'HEAD',
                     served.url('/page/1'))[0] == 0
    (method, _, headers, _), = served.requests
    assert (method, headers['X-One'], headers['X-Two'], headers['User-Agent']) == (
        'HEAD', '1', '2', 'somebody')


def test_redirects_are_followed_and_told(_):
    with site() as served:
        _, out, _ = fetch('--json', served.url('/away/5'))
    found, _ = results(out)
    assert found['/away/5']['final_url'] == served.url('/page/5')
    assert (found['/away/5']['status'], found['/away/5']['bytes']) == (200, 7)


def test_a_local_socket_is_connected_to(directory):
    path = os.path.join(directory, 'socket')
    with site(path) as served:
        assert fetch('--unix', path, 'http://anybody/page/1')[0] == 0
    assert served.requests[0][2]['Host'] == 'anybody'


def test_a_proxy_is_gone_through(_):
    with site() as served:
        assert fetch('--proxy', served.url('/'), 'http://anybody/page/1')[0] == 0
        assert fetch('http://anybody/page/1', http_proxy=served.url('/'))[0] == 0
    assert paths_of(served) == ['http://anybody/page/1'] * 2


def test_certificates_are_checked(directory):
    path = os.path.join(directory, 'certificate')
    try:
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=h', '-addext', 'subjectAltName=IP:127.0.0.1',
                        '-keyout', path, '-out', path + '.pem'],
                       stderr=subprocess.DEVNULL, check=True)
    except FileNotFoundError:
        raise Skip('there is no openssl(1) here') from None
    with open(path + '.pem', encoding='utf-8') as file, open(path, 'a', encoding='utf-8') as both:
        both.write(file.read())
    with site(certificate=path) as served:
        url = served.url('/page/1').replace('http:', 'https:')
        status, out, _ = fetch('--json', url)
        assert status == 1 and 'self-signed' in results(out)[0]['/page/1']['error'], out
        assert fetch('--cacert', path + '.pem', url)[0] == 0
        assert fetch('--insecure', url)[0] == 0
    status, _, err = fetch('--cacert', os.path.join(directory, 'none'), url)
    assert status == 1 and 'none: No such file' in err, err


def test_credentials_are_used_and_never_told(directory):
    """Neither in lines, nor in JSON, in the picture, the journal, names of files."""
    picture, out_directory = os.path.join(directory, 'x.svg'), os.path.join(directory, 'out')
    with site() as served:
        urls = [served.url(path).replace('//', '//ada:hushed@') for path in ('/page/1', '/nothing')]
        urls.append('http://ada:hu/shed@h/')
        told = fetch('--timeline', picture, '-o', out_directory, *urls)
        told += fetch('--json', *urls)
    assert served.requests[0][2]['Authorization'] == 'Basic YWRhOmh1c2hlZA=='
    with open(picture, encoding='utf-8') as file:
        told += (file.read(), )
    with open(os.path.join(out_directory, '.bide-fetch'), encoding='utf-8') as file:
        told += (file.read(), )
    assert '/page/1' in str(told) and 'shed' not in str(told), told


# ---- how it ends ------------------------------------------------------------------------------

def test_failures_are_told_by_kind(_):
    with site() as served:
        status, _, err = fetch('--retries', '0', *[served.url(path) for path in (
            '/status/500', '/status/404', '/status/404?', '/page/1')])
    assert status == 1
    assert '1 fetched, 3 failed' in err and '2  status 404' in err and '1  status 500' in err, err
    assert re.search(r'latency: p50 \S+ ms, p90 \S+ ms, p99 \S+ ms, max \S+ ms', err), err


def test_quiet_tells_failures_only(_):
    with site() as served:
        status, out, err = fetch('-q', served.url('/page/1'), served.url('/nothing'))
    assert (status, err) == (1, '')
    assert out.split()[0] == '404' and out.count('\n') == 1


def test_brief_tells_failures_and_the_summary(_):
    with site() as served:
        status, out, err = fetch('--brief', served.url('/page/1'), served.url('/nothing'))
    assert status == 1 and '1 fetched, 1 failed' in err, err
    assert out.split()[0] == '404' and out.count('\n') == 1


def test_quiet_and_brief_are_the_same_in_json(_):
    with site() as served:
        for options, told in ((['-b'], ['url', 'summary']), (['-q'], ['url'])):
            status, out, err = fetch('--json', *options, served.url('/page/1'),
                                     served.url('/nothing'))
            lines = [json.loads(line) for line in out.splitlines()]
            assert (status, err, [next(iter(line)) for line in lines]) == (1, '', told), out
            assert lines[0]['status'] == 404


def test_wrong_arguments_are_refused(_):
    for arguments in ([], ['--nonsense'], ['-c'], ['-c', '0', 'http://h/'],
                      ['-c', '1x', 'http://h/'],
                      ['--rate', '5/d', 'http://h/'], ['--rate', '-1', 'http://h/'],
                      ['--timeout', 'nan', 'http://h/'], ['--retries', '-1', 'http://h/'],
                      ['--resume', 'http://h/'], ['--resume', '-o', '-', 'http://h/'],
                      ['-X', 'HEAD', '-o', '/nowhere/at/all', 'http://h/'],
                      ['-H', 'no header', 'http://h/'], ['-H', 'a b: c', 'http://h/'],
                      ['-H', 'Content-Length: 1', 'http://h/'], ['-H', 'a: \x01', 'http://h/'],
                      ['-A', 'a\x7f', 'http://h/'], ['-X', 'GE T', 'http://h/'],
                      ['-X', '', 'http://h/'], ['--proxy', 'ftp://h/', 'http://h/'],
                      ['--proxy', 'http://', 'http://h/'], ['-i', '/dev/null', '-i', '/dev/null'],
                      ['--unix', '/x', '--proxy', 'http://h/', 'http://h/'],
                      ['--cacert', '/x', '--insecure', 'http://h/']):
        status, out, err = fetch(*arguments)
        assert (status, out, err.count('\n')) == (2, '', 1), (arguments, status, out, err)
        assert err.startswith('bide fetch: '), err
        assert ('--proxy: no URL of a proxy' in err) == (arguments[:1] == ['--proxy']), err


def test_a_value_that_makes_no_sense_is_told_with_its_option(_):
    for arguments, words in ((['-c', 'http://h/'], "--concurrency 'http://h/': no number"),
                             (['-c0', 'http://h/'], "--concurrency '0': no number from 1"),
                             (['--per-host', '-1'], "--per-host '-1': no number from 1"),
                             (['--retries', '1.5'], "--retries '1.5': no number from 0"),
                             (['--timeout', '0'], "--timeout '0': no number of seconds"),
                             (['--rate', '5/d'], "--rate '5/d': no rate"),
                             (['-H', 'x'], "--header 'x': not of the form"),
                             (['-A', 'a\nb'], "--user-agent 'a\nb': not of one line"),
                             (['-H', 'content-length: 1'],
                              "--header 'content-length: 1': is told by itself"),
                             (['-H', 'Proxy-Authorization: x'],
                              "--header 'Proxy-Authorization: x': is told by the URL"),
                             (['-X', 'G T'], "--method 'G T': no method"),
                             (['-X', 'CONNECT', 'http://h/'], "--method 'CONNECT': is for proxies"),
                             (['-o', ''], "--output '': needs a name"),
                             (['--timeline', '-'], "--timeline '-': needs the name of a file")):
        status, _, err = fetch(*arguments)
        assert status == 2 and err.startswith('bide fetch: ' + words), err


def test_a_proxy_of_the_environment_that_is_none_is_told_as_such(_):
    for proxy in ('socks5://h', 'http://', 'http:80:80'):
        for options in ([], ['--json']):
            status, out, err = fetch(*options, 'http://h/', http_proxy=proxy)
            assert status == 1 and 'the proxy is none of http or https' in out, (proxy, out, err)
            assert 'URL' not in out + err, (proxy, out, err)


def test_an_option_that_is_none_is_named(_):
    for arguments, words in ((['--json', '-zq'], '-z: no such'), (['-qz', 'x'], '-z: no such'),
                             (['-q', '--zeal'], '--zeal: no such'), (['-qc'], '-qc: needs a value'),
                             (['--quiet=1', 'x'], '--quiet=1: takes no value')):
        status, _, err = fetch(*arguments)
        assert status == 2 and err.startswith('bide fetch: ' + words), err


def test_there_are_no_more_requests_than_open_files(directory):
    limited = 'ulimit -n 64; exec "$@"'
    with site() as served:
        text = ''.join(served.url('/page/%d' % i) + '\n' for i in range(300))
        for options, most in ((), 32), (('-o', directory), 16):
            status, _, err = fetch('-c', '1000', '--per-host', '1000', '-i', '-', *options,
                                   text=text, before=('sh', '-c', limited, 'sh'))
            assert (status, err.splitlines()[0]) == (
                0, 'bide fetch: %d requests at once, not 1000: there may be no more open files' %
                most), err


def test_help_tells_every_option(_):
    status, out, _ = fetch('--help')
    assert status == 0
    with open(os.path.join(TOP, 'tools', 'fetch_options.c'),
              encoding='utf-8') as file:
        options = re.findall(r'^\t\{ "([\w-]+)",', file.read(), re.M)
    assert options and all('--' + option in out for option in options if option != 'help'), out


def test_a_signal_stops_it_with_a_summary(_):
    for number in (signal.SIGINT, signal.SIGTERM):
        with site() as served:
            process = start(served.url('/hang'), served.url('/page/1'))
            line = process.stdout.readline()
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == -number, process.returncode
        assert b'/page/1' in line and out == b'' and b'1 fetched, 0 failed' in err, (out, err)


MANY = 160  # results, whose lines are more than a pipe takes, and fewer than are kept besides


def list_of(served, directory, count):
    """A file of URLs, which are long, as are the lines about them."""
    path = os.path.join(directory, 'list')
    with open(path, 'w', encoding='ascii') as file:
        file.writelines(served.url('/page/%d?%s\n' % (i, 'x' * 200)) for i in range(count))
    return path


def test_no_line_is_lost_where_they_are_read_late(directory):
    with site() as served:
        process = start('--json', '--rate', '800', '-i', list_of(served, directory, MANY))
        wait_until(lambda: len(served.requests) == MANY)
        time.sleep(0.3)
        out, err = process.stdout.read().decode(), process.stderr.read()
        status = process.wait(PATIENCE)
    found, summary = results(out)
    assert (status, len(found), summary['fetched']) == (0, MANY, MANY), (summary, err)


def test_a_signal_loses_no_line_either(directory):
    picture = os.path.join(directory, 'picture.svg')
    with site() as served:
        process = start('--json', '--timeline', picture,
                        '-i', list_of(served, directory, 10 * MANY))
        wait_until(lambda: len(served.requests) >= MANY)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        out, err = process.stdout.read().decode(), process.stderr.read()
        status = process.wait(PATIENCE)
    found, summary = results(out)
    assert status == -signal.SIGINT and len(found) == summary['fetched'] >= MANY // 2, (summary, err)
    assert os.path.getsize(picture) > 0


def test_an_ignored_interrupt_stays_ignored(_):
    with site() as served:
        process = start(served.url('/late/300'), preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_IGN))
        wait_until(lambda: served.requests)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_an_output_that_nobody_reads_ends_it_quietly(_):
    with site() as served:
        text = ''.join(served.url('/page/%d' % i) + '\n' for i in range(3000))
        process = start('-i', '-', stdin=subprocess.PIPE)
        process.stdout.close()
        try:
            process.stdin.write(text.encode())
            process.stdin.close()
        except BrokenPipeError:
            pass
        err = process.stderr.read()
        process.stderr.close()
        assert (process.wait(PATIENCE), err) == (-signal.SIGPIPE, b'')


def test_an_output_that_is_full_is_told(_):
    with site() as served, open('/dev/full', 'w', encoding='utf-8') as full:
        status, _, err = fetch(served.url('/page/1'), stdout=full)
    assert status == 1 and 'No space left on device' in err, err


def test_a_closed_output_is_told(_):
    with site() as served:
        done = subprocess.run(['sh', '-c', 'exec "$0" fetch "$1" >&-', BIDE, served.url('/page/1')],
                              stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and b'Bad file descriptor' in done.stderr, done.stderr


if __name__ == '__main__':
    main(globals())
