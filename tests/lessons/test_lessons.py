#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of lessons/: what the programs print and how they end, and that every piece of code in
lessons/README.md is what the tests have run. Reports in TAP itself.

The blocks of the document, by what stands behind their three backquotes:

    c FILE         is a part of lessons/FILE, line by line, which the programs are built from
    c              is a whole program, which is compiled; the text block behind it is its output
    python FILE    is a whole file; those that are named as programs are run, with their sleeps
                   shortened, and must print what the program of that name in C prints
    python         is a whole program; the text block behind it is its output
    text PROGRAM   is what lessons/PROGRAM prints

Random numbers count as equal. Sleeps are virtual where they would be long; nothing is expected to
be quick, only not to be too quick."""

import gzip
import http.server
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, 'tests', 'harness'))

import tap  # noqa: E402

BUILD = os.environ.get('BIDE_BUILD', os.path.join(TOP, 'build'))
LESSONS = os.path.join(TOP, 'lessons')
PROGRAMS = ['0-main', '1-main', '2-main', '3-main', '4-main', 'say_hello', 'say_after',
            'compute', 'counting']
# The arguments of a run that lasts until it is interrupted.
ENDLESS = {'0-main': ['1e9'], '1-main': ['5', '1e9'], '2-main': ['5', '1e9'], '3-main': ['1e9'],
           '4-main': ['5', '1e9'], 'say_hello': [], 'say_after': []}
# What shortens the sleeps of a Python program; the random ones stay in proportion.
SHORTEN = '''
import asyncio, runpy, sys
def shortened(seconds, sleep=asyncio.sleep):
    return sleep(seconds / 50)
asyncio.sleep = shortened
sys.path.insert(0, sys.argv[1])
runpy.run_path(sys.argv[1] + '/' + sys.argv[2], run_name='__main__')
'''
TIMEOUT = 120

directory = ''


# ---- running and reading ---------------------------------------------------------------------

def run(program, *arguments, virtual=False, **options):
    """Runs a program of the lesson; returns its exit status, output and error output."""
    environment = dict(os.environ)
    environment.pop('BIDE_BACKEND', None)
    if virtual:
        environment['BIDE_BACKEND'] = 'virtual'
    options.setdefault('stdout', subprocess.PIPE)
    done = subprocess.run([os.path.join(BUILD, 'lessons', program)] + list(arguments),
                          env=environment, stderr=subprocess.PIPE, universal_newlines=True,
                          timeout=TIMEOUT, **options)
    return done.returncode, done.stdout, done.stderr


def lines(program, *arguments, virtual=False):
    """The lines that a program prints that ends well."""
    status, output, errors = run(program, *arguments, virtual=virtual)
    assert (status, errors) == (0, ''), (status, errors)
    assert output.endswith('\n'), output
    return output[:-1].split('\n')


def number(text):
    """Reads a float that is written as Python writes it."""
    value = float(text)
    assert repr(value) == text, text
    return value


def numbers(text):
    """Reads a list of floats that is written as Python writes it."""
    assert text.startswith('[') and text.endswith(']'), text
    values = [number(item) for item in text[1:-1].split(', ')] if text != '[]' else []
    assert repr(values) == text, text
    return values


def expect_ascending(values, count, most):
    assert len(values) == count, (len(values), count)
    assert all(a <= b for a, b in zip(values, values[1:])), values
    assert all(0 <= value <= most for value in values), values


# ---- what the programs print -----------------------------------------------------------------

def test_0_main_prints_three_delays():
    first, second, third = [number(line) for line in lines('0-main', virtual=True)]
    assert 0 <= first <= 10 and 0 <= second <= 5 and 0 <= third <= 15


def test_0_main_takes_as_long_as_the_delay_it_prints():
    start = time.monotonic()
    line, = lines('0-main', '0.5')
    assert 0 <= number(line) <= 0.5
    # A sleep may end early by the age of the turn's time, which is below a millisecond.
    assert time.monotonic() - start >= number(line) - 0.001


def test_0_main_differs_from_run_to_run():
    assert len({lines('0-main', '1e6', virtual=True)[0] for _ in range(5)}) == 5


def test_0_main_does_not_wait_for_a_negative_delay():
    line, = lines('0-main', '-1e9')
    assert -1e9 <= number(line) <= 0


def test_1_main_prints_three_ascending_lists():
    first, second, third = lines('1-main', virtual=True)
    expect_ascending(numbers(first), 5, 5)
    expect_ascending(numbers(second), 10, 7)
    assert numbers(third) == [0.0] * 10 and third == repr([0.0] * 10)


def test_1_main_is_ascending_on_the_real_clock():
    line, = lines('1-main', '2000', '0.3')
    expect_ascending(numbers(line), 2000, 0.3)


def test_1_main_is_ascending_where_delays_lie_closer_than_nanoseconds():
    # On the virtual clock: on the real one a step of over a millisecond, as a sanitizer may take,
    # would rightly begin a new count of the sleeps behind it.
    line, = lines('1-main', '1000', '1e-8', virtual=True)
    expect_ascending(numbers(line), 1000, 1e-8)


def test_1_main_takes_as_long_as_the_longest_delay():
    start = time.monotonic()
    line, = lines('1-main', '20', '0.5')
    assert time.monotonic() - start >= numbers(line)[-1] - 0.001


def test_4_main_prints_an_ascending_list():
    line, = lines('4-main', virtual=True)
    expect_ascending(numbers(line), 5, 6)


def test_4_main_is_ascending_on_the_real_clock():
    line, = lines('4-main', '2000', '0.3', virtual=sanitizers())
    expect_ascending(numbers(line), 2000, 0.3)


def test_lists_may_be_empty():
    for program in '1-main', '4-main':
        assert lines(program, '0', '5') == ['[]']


def test_lists_may_have_one_number():
    for program in '1-main', '4-main':
        line, = lines(program, '1', '0.01')
        expect_ascending(numbers(line), 1, 0.01)


def test_2_main_prints_the_time_divided_by_n():
    start = time.monotonic()
    line, = lines('2-main', '4', '0.2')
    assert 0 < number(line) * 4 <= time.monotonic() - start


def test_2_main_waits_for_the_longest_delay():
    # Of a thousand delays one is longer than half of what it may be, but for one time in 2^1000.
    line, = lines('2-main', '1000', '0.2')
    assert number(line) * 1000 >= 0.099


def test_3_main_prints_the_type_of_a_task():
    assert lines('3-main', virtual=True) == ["<class 'bide_task'>"]
    assert lines('3-main', '0.01') == ["<class 'bide_task'>"]


def test_say_hello_takes_two_seconds_then_one():
    assert lines('say_hello', virtual=True) == [
        'Hello', 'World', 'one after the other: 2.00 s', 'Hello', 'World', 'gathered: 1.00 s']


def test_say_after_takes_three_seconds_then_two():
    said = ['Started', 'Hello', 'World', 'Finished']
    assert lines('say_after', virtual=True) == said + ['3.00 s in all'] + said + ['2.00 s in all']


def test_compute_holds_up_the_loop_and_does_not_in_a_thread():
    for virtual in False, True:
        first, second = lines('compute', virtual=virtual)
        assert first == 'in the loop: 41538 primes, 0 ticks', first
        ticks = re.match(r'in a thread: 41538 primes, (\d+) ticks$', second)
        assert ticks and int(ticks.group(1)) > 0, second


def test_counting_loses_what_threads_count_without_a_lock():
    tasks, without, with_lock = lines('counting')
    assert tasks == 'two tasks: 20000 of 20000', tasks
    assert with_lock == 'two threads with a lock: 20000 of 20000', with_lock
    counted = re.match(r'two threads without a lock: (\d+) of 20000$', without)
    assert counted and 0 < int(counted.group(1)) < 20000, without


class Pages(http.server.BaseHTTPRequestHandler):
    """A site of pages /DELAY/SIZE; those without a size are not there."""

    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        _, delay, *size = self.path.split('/')
        time.sleep(float(delay))
        body = gzip.compress(b'x' * int(size[0])) if size else b'nothing here'
        self.send_response(200 if size else 404)
        if size:
            self.send_header('Content-Encoding', 'gzip')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def with_site(paths, fetch_pages):
    """Calls a function with URLs of a site's pages; its result, a text without the site's name."""
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pages) as server:
        site = 'http://127.0.0.1:%d' % server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status, output, errors = fetch_pages([site + path for path in paths])
        server.shutdown()
    return status, output.replace(site, ''), errors


def fetch(*paths):
    """What fetch_urls prints of such pages."""
    if not os.path.exists(os.path.join(BUILD, 'lessons', 'fetch_urls')):
        raise tap.Skip('libbide-http was not built')
    return with_site(paths, lambda urls: run('fetch_urls', *urls))


def test_fetch_urls_tells_of_each_page_in_the_order_given():
    assert fetch('/0.3/1000', '/0/7', '/0.1/100000') == (0, (
        'Content from /0.3/1000: 1000 bytes\nContent from /0/7: 7 bytes\n'
        'Content from /0.1/100000: 100000 bytes\n'), '')
    assert fetch('/0') == (0, 'Content from /0: 12 bytes\n', '')


def test_fetch_urls_fetches_at_once():
    start = time.monotonic()
    status, output, errors = fetch(*['/0.5/10'] * 40)
    assert (status, output.count('\n'), errors) == (0, 40, '')
    assert time.monotonic() - start < 0.5 * 40 / 2


def test_fetch_urls_prints_what_its_model_prints():
    paths = ['/0.2/1000', '/0/7']
    expected = fetch(*paths)
    write_python()

    def fetch_by_model(urls):
        done = subprocess.run([sys.executable, os.path.join(directory, 'fetch_urls.py')] + urls,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=TIMEOUT)
        if "No module named 'aiohttp'" in done.stderr:
            raise tap.Skip('there is no aiohttp here')
        return done.returncode, done.stdout, done.stderr

    assert with_site(paths, fetch_by_model) == expected


def test_fetch_urls_says_what_it_needs_and_what_went_wrong():
    fetch('/0')
    status, output, errors = run('fetch_urls')
    assert (status, output) == (2, '') and errors.startswith('usage: '), errors
    status, output, errors = run('fetch_urls', 'http://127.0.0.1:1/')
    assert (status, output, errors) == (1, '', 'fetch_urls: http://127.0.0.1:1/: Connection refused\n'), errors
    status, output, errors = run('fetch_urls', 'nonsense')
    assert (status, output, errors) == (1, '', 'fetch_urls: nonsense: not a URL of http or https\n'), errors


def test_far_site_shows_what_waiting_costs():
    fetch('/0')
    program = os.path.join(BUILD, 'lessons', 'fetch_urls')
    for order, words, least in (('each', 'One after the other', 0.9), ('all', 'All at once', 0.3)):
        status, output, errors = run('far_site', '3', order, program)
        assert (status, errors) == (0, ''), errors
        assert [int(size) for size in re.findall(r'/(\d)\.html: \d+ bytes$', output, re.M)] == [
            1, 2, 3], output
        assert float(re.search(words + r': ([\d.]+) s$', output, re.M).group(1)) >= least, output
    assert run('far_site', '1', 'all', 'false')[0] == 1
    assert run('far_site', '1', 'some', 'true')[0] == 2


def test_numbers_may_be_written_in_many_ways():
    for text in '1', '+1', '1.', '.5', '1e0', '1E-2', '-0', '-1', '1e-400':
        assert len(lines('0-main', text, virtual=True)) == 1, text
    for text in '0', '+2', '-0', '007':
        assert len(lines('1-main', text, '1', virtual=True)) == 1, text


# ---- how they end ----------------------------------------------------------------------------

def test_other_arguments_are_refused_in_one_line():
    no_delay = ['', ' ', 'x', '1x', 'nan', 'inf', '-inf', '1e999', '0x10', ' 1', '1 ', '1_0', '--',
                '-h', '--help', '1,5', '1e', 'e1', '+', '.']
    no_count = ['', '-1', '1.0', '1e1', 'x', '2x', ' 2', '99999999999', '99999999999999999999']
    delays = [[text] for text in no_delay] + [['1', '2']]
    counts = ([[text, '1'] for text in no_count] + [['1', text] for text in no_delay] +
              [['1'], ['1', '2', '3']])
    refused = {'0-main': delays, '1-main': counts, '2-main': counts + [['0', '1']],
               '3-main': delays, '4-main': counts, 'say_hello': [['1'], ['']],
               'say_after': [['1'], ['']], 'compute': [['1'], ['']],
               'counting': [['1'], ['']]}
    for program, cases in refused.items():
        for arguments in cases:
            status, output, errors = run(program, *arguments, virtual=True)
            assert (status, output) == (2, ''), (program, arguments, status, output)
            assert errors.count('\n') == 1 and errors.endswith('\n'), (program, arguments, errors)
            assert errors.startswith('usage: ' + program), errors


def test_what_cannot_be_written_is_an_error():
    for program in PROGRAMS:
        with open('/dev/full', 'w') as full:
            status, _, errors = run(program, virtual=True, stdout=full)
        assert status == 1, (program, status)
        assert errors == program + ': No space left on device\n', errors


def test_a_standard_output_that_is_closed_is_an_error():
    for program in PROGRAMS:
        status, _, errors = run(program, virtual=True, stdout=None,
                                preexec_fn=lambda: os.close(1))
        assert (status, errors) == (1, program + ': Bad file descriptor\n'), (program, errors)


def catches_interrupts(pid):
    with open('/proc/%d/status' % pid) as status:
        caught = int(re.search(r'^SigCgt:\s*(\w+)', status.read(), re.M).group(1), 16)
    return caught >> (signal.SIGINT - 1) & 1


def test_an_interrupt_ends_them_by_the_signal():
    for program in ENDLESS:
        # A background job ignores the signal, and so would what it starts.
        process = subprocess.Popen([os.path.join(BUILD, 'lessons', program)] + ENDLESS[program],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   universal_newlines=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        give_up = time.monotonic() + TIMEOUT
        while process.poll() is None and not catches_interrupts(process.pid):
            assert time.monotonic() < give_up, program + ' does not catch the signal'
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == -signal.SIGINT, (program, process.returncode)
        assert (output, errors) in (('', ''), ('Started\n', '')), (program, output, errors)


def test_too_little_memory_is_an_error():
    if sanitizers():
        raise tap.Skip('sanitizers take address space by the terabyte')
    limit = 1 << 24
    for program in '1-main', '2-main', '4-main':
        status, output, errors = run(
            program, '10000000', '1', virtual=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        assert (status, output) == (1, ''), (program, status)
        assert errors == program + ': Cannot allocate memory\n', errors


# ---- the document ----------------------------------------------------------------------------

class Block:
    """A piece of the document: its language, the file that it is of or '', its text, and the
    piece behind it or None."""

    def __init__(self, language, name, text):
        self.language = language
        self.name = name
        self.text = text
        self.next = None


def read(name):
    with open(os.path.join(LESSONS, name), encoding='utf-8') as file:
        return file.read()


def document():
    text = read('README.md')
    blocks = [Block(match.group(1), match.group(2), match.group(3)) for match in
              re.finditer(r'^```(\w+)[ ]?(\S*)\n(.*?)^```$', text, re.M | re.S)]
    # Each block has a line that begins it and one that ends it: none is missed.
    assert text.count('```') == 2 * len(blocks), 'a block that is not understood'
    for block, following in zip(blocks, blocks[1:]):
        block.next = following
    return blocks


def blocks_of(language, named):
    found = [b for b in document() if b.language == language and bool(b.name) == named]
    assert found
    return found


def shape(text):
    """The text with what is random, or the language's own, left out."""
    text = re.sub(r"<class '[^']*'>", '<class>', text)
    text = re.sub(r'\b[1-9]\d* ticks', '<some> ticks', text)
    text = re.sub(r'\b(\d+) of (?!\1\b)', '<fewer> of ', text)
    return re.sub(r'\b\d+(\.\d+)?e-\d+\b|\b\d+\.\d{3,}\b', '<number>', text)


def compile_command(name):
    """The words with which the build compiles a file of lessons/."""
    with open(os.path.join(BUILD, 'compile_commands.json'), encoding='utf-8') as file:
        commands = [entry['command'] for entry in json.load(file)
                    if entry['file'].endswith('lessons/' + name)]
    assert commands, name
    return shlex.split(commands[0])


def sanitizers():
    return [word for word in compile_command('lesson.c') if word.startswith('-fsanitize')]


def compile_block(block):
    """Compiles a whole program against the shared library, warnings being errors."""
    words = compile_command('lesson.c')
    compiler = words[:next(i for i, word in enumerate(words) if word.startswith('-'))]
    source, program = (os.path.join(directory, name) for name in ('block.c', 'block'))
    with open(source, 'w', encoding='utf-8') as file:
        file.write(block.text)
    library = os.path.join(BUILD, 'src')
    done = subprocess.run(
        compiler + sanitizers() +
        ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Wshadow', '-Werror', '-pthread',
         '-I', os.path.join(TOP, 'include'), source, '-o', program,
         os.path.join(library, 'libbide.so'), '-Wl,-rpath,' + os.path.abspath(library)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, done.stdout
    return program


def expect_output(command, block):
    """Sees that a program prints the block behind it, and ends well unless that is the message
    of an abort."""
    assert block.next and block.next.language == 'text' and not block.next.name, block.text
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, timeout=TIMEOUT,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    assert done.stdout == block.next.text, (done.stdout, block.next.text)
    aborts = block.next.text.startswith('bide: ')
    assert done.returncode == (-signal.SIGABRT if aborts else 0), done.returncode


def write_python():
    """Writes the Python files of the document; returns the names of those that are programs."""
    written = []
    for block in blocks_of('python', True):
        assert block.name not in written, block.name + ' is there twice'
        written.append(block.name)
        with open(os.path.join(directory, block.name), 'w', encoding='utf-8') as file:
            file.write(block.text)
    return [name for name in written if name[:-len('.py')] in PROGRAMS]


def test_pieces_of_files_are_in_those_files():
    for block in blocks_of('c', True):
        assert '\n' + block.text in read(block.name), (block.name, block.text)


def test_whole_programs_in_c_print_what_is_shown():
    for block in blocks_of('c', False):
        expect_output([compile_block(block)], block)


def test_whole_programs_in_python_print_what_is_shown():
    for block in blocks_of('python', False):
        expect_output([sys.executable, '-c', block.text], block)


def test_output_of_the_lesson_is_what_is_shown():
    shown = blocks_of('text', True)
    assert [block.name for block in shown] == PROGRAMS
    for block in shown:
        _, output, _ = run(block.name, virtual=True)
        assert shape(output) == shape(block.text), (block.name, output)


def test_python_prints_the_same_as_c():
    names = write_python()
    assert names == [program + '.py' for program in PROGRAMS]
    for name in names:
        done = subprocess.run([sys.executable, '-c', SHORTEN, directory, name],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=TIMEOUT)
        assert (done.returncode, done.stderr) == (0, ''), (name, done.stderr)
        _, output, _ = run(name[:-len('.py')], virtual=True)
        printed, expected = (re.sub(r'\b\d+\.\d\d s\b', '<time>', shape(text))
                             for text in (done.stdout, output))
        assert printed == expected, (name, printed)


def test_every_program_is_shown_in_both_languages():
    shown = {(block.language, block.name) for block in document()}
    sources = [name for name in os.listdir(LESSONS)
               if name.endswith('.c') and name not in ('lesson.c', 'far_site.c')]
    assert len(sources) == 15
    for name in sources:
        assert ('c', name) in shown, name
        assert ('python', name[:-len('.c')] + '.py') in shown, name


def in_directory(test):
    global directory
    with tempfile.TemporaryDirectory() as directory:
        test()


if __name__ == '__main__':
    sys.exit(tap.run_functions(tap.functions_of(globals()), in_directory))
