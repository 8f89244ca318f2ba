#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of scripts/bench: what it computes and shows, and what it makes of programs that do well,
fail, lie, hang or are not there. The programs are fakes, in a build directory of their own."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TOP, *where) for where in (
    ('scripts',), ('bench',), ('tests', 'harness'))]

from benchlib import (  # noqa: E402
    cli, figures, machine, measure, process, programs, served, svg, text)
from benchlib.model import (  # noqa: E402
    Calibrated, Column, Contestant, Fixed, Goal, Ours, Rounds, Sample, Table, Theirs, cpu_each,
    printed)

import tables  # noqa: E402
import tap  # noqa: E402

OURS = Ours('bide light', 'core', ('--light',))
ONE = Rounds(1, 1, 1, 1)
# A command of tables of the tests' own, as a process that can be interrupted.
COMMAND = '''
import sys
sys.dont_write_bytecode = True
sys.path[:0] = [%r, %r]
import test_bench
sys.exit(test_bench.cli.main(sys.argv[2:], [test_bench.counting(load=True)], sys.argv[1]))
''' % (os.path.join(TOP, 'scripts'), os.path.dirname(os.path.abspath(__file__)))

BUILD = os.environ.get('BIDE_BUILD', os.path.join(TOP, 'build'))
# A program whose row is to answer connections to its standard input; what with is left open.
SERVER = '''#!%s
import selectors, socket, sys
sys.argv[1:] = [word for word in sys.argv[1:] if word != '--light']
if len(sys.argv) < 3:
    print({'--version': 'Fake 1.0', '--rows': 'count'}[sys.argv[1]])
    sys.exit()
left, all = int(sys.argv[2]), selectors.DefaultSelector()
listener = socket.socket(fileno=0)
all.register(listener, selectors.EVENT_READ)
while left:
    for key, _ in all.select():
        if key.fileobj is listener:
            all.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        data = key.fileobj.recv(65536)
        if data:
            key.fileobj.sendall(%s)
        else:
            all.unregister(key.fileobj)
            left -= 1
'''


def counting(name='count', **more):
    """A table of programs that print how far they counted, and how long that took."""
    how = dict(size=Fixed(100, 10, base=None), rounds=ONE, counts='ops', ours=(OURS,), row='count',
               columns=(printed('ns', 'time', 'ns', chart=True),))
    how.update(more)
    return Table(name, 'Counting', 'One, two, three.', **how)


def entry(name, value=None, ours=False, state='ok', why='', key='cpu'):
    made = measure.Entry(Contestant(name, ('/bin/false',), ours=ours, version=name + ' 1.0'), state,
                         why, n=1000)
    if value is not None:
        values = value if isinstance(value, list) else [value]
        made.figures = {key: figures.figure(values)}
        made.samples = [Sample(1000, {}, v, v) for v in values]
    return made


def result(entries, goals=(), column=None):
    column = column or cpu_each('CPU', chart=True)
    table = Table('row', 'A <row> & more', 'About it.', Fixed(1000), (), (column,), goals=goals)
    made = measure.Result(table, entries, [column], complete=True)
    made.verdicts = [figures.verdict(goal, made) for goal in goals]
    return made


class Figures(unittest.TestCase):
    def test_the_median_is_kept_with_the_least_and_the_most(self):
        self.assertEqual(figures.figure([5, 1, 3]), figures.Figure(3, 1, 5, 3))
        self.assertEqual(figures.figure([4, 1]).value, 2.5)

    def test_where_one_bad_round_is_too_many_the_most_is_kept(self):
        self.assertEqual(figures.figure([0, 0, 7], 'max').value, 7)

    def test_numbers_have_three_digits(self):
        shown = {0: '0', 18.26: '18.3', 0.0752: '0.0752', 1234567: '1,234,567', 99.96: '100',
                 9.999: '10.0', 999.9: '1,000', -3.14159: '-3.14', 1e-9: '1.0e-09',
                 float('nan'): '–'}
        self.assertEqual({value: figures.number(value) for value in shown}, shown)

    def test_a_spread_needs_two_rounds(self):
        self.assertEqual(figures.spread(figures.figure([3.0])), '')
        self.assertEqual(figures.spread(figures.figure([3.0, 4.0])), '3.00 … 4.00')

    def test_a_ratio_above_one_means_that_ours_is_better(self):
        less, more = printed('a', 'a', ''), printed('a', 'a', '', more_is_better=True)
        self.assertEqual(figures.ratio(10, 20, less), 2)
        self.assertEqual(figures.ratio(20, 10, more), 2)
        self.assertIsNone(figures.ratio(0, 10, less))
        self.assertIsNone(figures.ratio(10, -1, less))


class Goals(unittest.TestCase):
    def judge(self, goal, *values, column=None):
        entries = [entry('full', values[0], ours=True), entry('light', values[1], ours=True)]
        entries += [entry('peer%d' % i, value) for i, value in enumerate(values[2:])]
        return figures.verdict(goal, result(entries, column=column))

    def test_a_bound_is_met_or_missed_by_so_much(self):
        met, missed = (self.judge(Goal('cpu', at_most=n), 50, 30) for n in (40, 20))
        self.assertEqual((met.met, met.said), (True, "light's 30.0, 25 % less"))
        self.assertEqual((missed.met, missed.said), (False, "light's 30.0, 50 % more"))
        self.assertEqual(met.wish, 'CPU at most 40 ns')

    def test_of_each_of_ours_the_worst_counts(self):
        self.assertFalse(self.judge(Goal('cpu', at_most=40, of='each'), 50, 30).met)
        self.assertTrue(self.judge(Goal('cpu', at_most=40, of='light'), 50, 30).met)

    def test_a_goal_beside_the_peers_is_against_the_best_of_them(self):
        verdict = self.judge(Goal('cpu', ratio=2), 50, 30, 90, 45)
        self.assertEqual((verdict.met, verdict.said),
                         (False, "light's 30.0 against peer1's 45.0, 33 % more"))
        self.assertTrue(self.judge(Goal('cpu', ratio=2, than='peer0'), 50, 30, 90, 45).met)

    def test_a_goal_may_leave_a_peer_so_much_ahead(self):
        near, far = (self.judge(Goal('cpu', ratio=1 / 1.05, than='peer0', of='light'), 50, ours,
                                100) for ours in (104, 106))
        self.assertEqual(near.wish, "CPU of light at most 1.05 times peer0's")
        self.assertEqual((near.met, far.met), (True, False))

    def test_where_more_is_better_the_bound_is_below(self):
        column = Column('cpu', 'speed', '/s', None, chart=True, more_is_better=True)
        self.assertTrue(self.judge(Goal('cpu', ratio=1), 50, 30, 45, column=column).met)
        self.assertFalse(self.judge(Goal('cpu', ratio=2), 50, 30, 45, column=column).met)
        self.assertTrue(self.judge(Goal('cpu', at_least=50), 50, 30, column=column).met)

    def test_without_figures_a_goal_is_open(self):
        self.assertIsNone(self.judge(Goal('cpu', at_most=1), None, None).met)
        self.assertIsNone(self.judge(Goal('cpu', ratio=1), 50, 30).met)
        self.assertIsNone(self.judge(Goal('memory', at_most=1), 50, 30).met)

    def test_what_is_wanted_of_each_is_missed_by_one_that_failed(self):
        goal = Goal('cpu', at_most=40, of='each')
        verdict = figures.verdict(goal, result([
            entry('full', ours=True, state='failed'), entry('light', 30, ours=True)]))
        self.assertEqual((verdict.met, verdict.said), (False, 'full failed'))

    def test_only_a_must_can_be_broken(self):
        self.assertFalse(self.judge(Goal('cpu', at_most=1), 50, 30).broken)
        self.assertTrue(self.judge(Goal('cpu', at_most=1, must=True), 50, 30).broken)


class Calibration(unittest.TestCase):
    def test_the_size_takes_the_target_time(self):
        sizes = []

        def take(n):
            sizes.append(n)
            return n * 1e-7

        n = measure.calibrate(Calibrated(1000), 1.0, take)
        self.assertAlmostEqual(n * 1e-7, 1.0, delta=0.1)
        self.assertEqual(sizes, [1000 << i for i in range(len(sizes) - 1)] + [n])

    def test_a_runtime_that_gets_faster_is_given_more(self):
        n = measure.calibrate(Calibrated(1000), 1.0, lambda n: min(n, 50000) * 1e-5 + n * 1e-7)
        self.assertGreaterEqual(min(n, 50000) * 1e-5 + n * 1e-7, 0.7)

    def test_a_time_that_is_noise_is_no_time(self):
        times = {1000: 0.3, 3300: 0.001}
        n = measure.calibrate(Calibrated(1000), 1.0, lambda n: times.get(n, n * 1e-6))
        self.assertGreaterEqual(n * 1e-6, 0.7)

    def test_a_size_that_is_large_at_once_stays(self):
        self.assertEqual(measure.calibrate(Calibrated(1000), 1.0, lambda n: 5.0), 1000)

    def test_sizes_are_multiples_and_larger_than_the_base(self):
        size = Calibrated(1000, multiple=300, base=900)
        tried = []
        n = measure.calibrate(size, 1.0, lambda n: tried.append(n) or (n - 900) * 1e-5)
        self.assertTrue(all(x % 300 == 0 and x > 900 for x in tried + [n]), (tried, n))
        self.assertAlmostEqual((n - 900) * 1e-5, 1.0, delta=0.1)

    def test_the_base_is_subtracted_from_time_and_size(self):
        sample = Sample(1100, {}, 1.5, 0, base_n=100, base_cpu_s=0.5)
        self.assertAlmostEqual(cpu_each('x').of(sample), 1e6)


class Showing(unittest.TestCase):
    def test_a_table_tells_of_every_program(self):
        shown = '\n'.join(text.table(result(
            [entry('full', [30.0, 32.0, 31.0], ours=True), entry('light', 20.0, ours=True),
             entry('slow', 400.0), entry('swift', 10.0), entry('none', state='absent'),
             entry('small', state='cannot', why='too little memory'),
             entry('bad', state='failed', why='exit status 1')],
            [Goal('cpu', at_most=25)])))
        for line in ('full 31.0 30.0 … 32.0 1.55× 1,000 3', 'light 20.0 1,000 1',
                     'swift 10.0 0.500× 1,000 1', 'slow 400 20.0× 1,000 1',
                     'small cannot: too little memory', 'bad FAILED: exit status 1',
                     'have no such row: none', 'ours: light',
                     "goal CPU at most 25 ns: met, light's 20.0, 20 % less"):
            self.assertIn(line, '\n'.join(' '.join(one.split()) for one in shown.splitlines()))
        self.assertLess(shown.index('swift'), shown.index('slow'))

    def test_columns_line_up(self):
        lines = text.grid([['a', 'bb', 'c'], ['aaaa', 'b', 'ccc'], ['x', 'a whole sentence']])
        self.assertEqual(lines, ['  a      bb     c', '  aaaa    b   ccc',
                                 '  x      a whole sentence'])

    def test_the_summary_names_the_best_of_each_side(self):
        shown = text.summary([result([entry('full', 30.0, ours=True), entry('swift', 15.0),
                                      entry('slow', 90.0)], [Goal('cpu', at_most=1)])])
        self.assertEqual(shown[-1].split(),
                         'row full 30.0 ns CPU swift 15.0 0.500× 0 of 1'.split())

    def test_tables_stand_beside_each_other_in_markdown(self):
        tables = [result([entry('full', value, ours=True), entry(peer, 50.0),
                          entry('bad', state='failed')])
                  for value, peer in ((30.0, 'slow'), (2.5, 'swift'))]
        self.assertEqual(text.markdown(tables, 'a machine'), [
            'a machine; full 1.0; slow 1.0; swift 1.0.', '',
            '|  | row: CPU [ns] | row: CPU [ns] |', '| --- | ---: | ---: |',
            '| full | 30.0 | 2.50 |', '| slow | 50.0 |  |', '| swift |  | 50.0 |'])

    def test_a_drawing_is_well_formed_and_names_all(self):
        drawing = svg.draw(result([entry('full', 30.0, ours=True), entry('slow', 90.0),
                                   entry('bad', state='failed', why='<no>')]),
                           'a machine', '2001-02-03')
        root = xml.etree.ElementTree.fromstring(drawing)
        words = ' '.join(node.text or '' for node in root.iter())
        for word in ('A <row> & more', 'full', '30.0 ns', 'slow', '90.0 ns', 'FAILED: <no>',
                     'full 1.0', 'a machine', '2001-02-03'):
            self.assertIn(word, words)
        self.assertNotIn('logarithmic', words)

    def test_a_wide_range_is_drawn_by_logarithms_and_says_so(self):
        drawn = svg.draw(result([entry('full', 1.0, ours=True), entry('slow', 5000.0)]), '', '')
        self.assertIn('logarithmic scale', drawn)
        scale = svg.Scale([1.0, 5000.0], 500)
        self.assertTrue(0 < scale(1.0) < scale(70.0) < scale(5000.0))
        self.assertAlmostEqual(scale(5000.0), 500)

    def test_nothing_and_less_than_nothing_have_no_bar(self):
        for values in ([0.0, 0.0], [-1.0, 5.0], [0.0, 1e-3, 1e6]):
            scale = svg.Scale(values, 500)
            self.assertEqual(scale(min(values)), 0)
            xml.etree.ElementTree.fromstring(svg.draw(result(
                [entry('p%d' % i, v) for i, v in enumerate(values)]), '', ''))

    def test_without_figures_nothing_is_drawn(self):
        self.assertIsNone(svg.draw(result([entry('bad', state='failed')]), '', ''))

    def test_the_machine_is_described(self):
        self.assertIn('core', machine.sentence(machine.describe()))


class Tables(unittest.TestCase):
    """bench/tables.py"""

    def test_names_are_unique_and_fit_files(self):
        names = [table.name for table in tables.TABLES]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(name.isidentifier() for name in names))

    def test_goals_are_about_columns_that_there_are(self):
        for table in tables.TABLES:
            for goal in table.goals:
                if table.columns:
                    self.assertIn(goal.column, [c.key for c in table.columns], table.name)
                self.assertEqual(1, sum(bound is not None for bound in (
                    goal.at_most, goal.at_least, goal.ratio)), table.name)

    def test_programs_of_a_table_have_names_of_their_own(self):
        for table in tables.TABLES:
            peers = table.peers if isinstance(table.peers, tuple) else ()
            names = [getattr(one, 'name', one) for one in table.ours + peers]
            self.assertEqual(len(names), len(set(names)), table.name)


# ---- the command, with fake programs ----------------------------------------------------------

class Command(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.build = os.path.join(directory.name, 'a build')
        os.makedirs(os.path.join(self.build, 'bench'))
        self.sources = os.path.join(directory.name, 'peers')
        os.mkdir(self.sources)
        self.handlers = [(n, signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)]
        self.addCleanup(lambda: [signal.signal(*pair) for pair in self.handlers])
        self.program('core', 'ops() { echo "ops $1"; echo "ns 20"; }')
        self.peers(good='ops() { echo "ops $1"; echo "ns 50"; }')

    def script(self, path, body):
        with open(path, 'w') as stream:
            stream.write('#!/bin/sh\n' + body)
        os.chmod(path, 0o755)

    def fake(self, path, body, rows='count'):
        self.script(path, body + '\n[ "$1" != --light ] || shift\n'
                    'case $1 in\n--version) echo "Fake 1.0"; exit ;;\n'
                    '--rows) echo %s; exit ;;\nesac\nrow=$1\nops "$2"\n' % rows)

    def program(self, name, body, rows='count'):
        self.fake(os.path.join(self.build, 'bench', name), body, rows)

    def peers(self, rows='count', **bodies):
        """Peers whose programs have such bodies, or are not installed if that is None. Each time
        one is built, built gets a line."""
        for name, body in bodies.items():
            if body is not None:
                self.fake(os.path.join(self.sources, name), body, rows)
        missing = ' '.join(name for name, body in bodies.items() if body is None)
        self.builder = os.path.join(self.sources, 'build')
        self.script(self.builder, '''here=$(dirname "$0")
[ "$1" != --list ] || { printf '%%s\\n' %s; exit; }
case ' %s ' in *" $1 "*) echo "$1: not installed: needs lib$1-dev"; exit 77 ;; esac
mkdir -p "$2" && cp "$here/$1" "$2/$1" && echo "$1" >>"$2/../built"
''' % (' '.join(bodies), missing))

    def run_it(self, *arguments, tables=None):
        """Runs the command; returns its status and what it printed."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = cli.main([self.build] + list(arguments), tables or [counting()], self.builder)
        return status, out.getvalue()

    def results(self):
        with open(os.path.join(self.build, 'bench', 'results.json'), encoding='utf-8') as stream:
            return json.load(stream)

    def fails(self, out, *sentences):
        for sentence in sentences:
            self.assertIn(sentence, out.partition('Errors\n')[2])

    def test_all_is_measured_shown_and_written(self):
        status, out = self.run_it('--seed', '7')
        self.assertEqual(status, 0, out)
        for sentence in ('seed 7', 'Fake 1.0', 'count: Counting', '2.50×'):
            self.assertIn(sentence, out)
        data = self.results()
        self.assertEqual((data['seed'], data['errors']), (7, []))
        peer = data['tables'][0]['results'][1]
        self.assertEqual((peer['program'], peer['n'], peer['times_ours']),
                         ('good', 100, {'ns': 2.5}))
        xml.etree.ElementTree.parse(os.path.join(self.build, 'bench', 'count.svg'))

    def test_quick_means_small_numbers_and_leaves_out_what_has_none(self):
        status, out = self.run_it('--quick', tables=[
            counting(), counting('large', size=Fixed(100, base=None))])
        self.assertEqual(status, 0)
        self.assertIn('left out when quick', out)
        self.assertEqual([t['results'][0]['n'] for t in self.results()['tables']], [10])

    def test_a_size_is_found_by_the_cpu_time(self):
        self.program('core', 'ops() { i=0; while [ $i -lt "$1" ]; do i=$((i + 1)); done; '
                     'echo "ops $1"; }')
        table = counting(size=Calibrated(100, target_s=0.1), columns=(cpu_each('CPU', chart=True),))
        status, out = self.run_it('--no-peers', tables=[table])
        self.assertEqual(status, 0, out)
        self.assertGreater(self.results()['tables'][0]['results'][0]['n'], 1000)

    def test_each_round_has_every_program_in_an_order_that_the_seed_gives(self):
        log = os.path.join(self.build, 'log')
        body = 'ops() { echo "ops $1"; echo "ns 1"; echo "${0##*/}" >>"%s"; }' % log
        self.program('core', body)
        self.peers(a=body, b=body)
        orders = []
        for seed in ('1', '1', '2'):
            open(log, 'w').close()
            self.assertEqual(self.run_it('--rounds', '8', '--seed', seed)[0], 0)
            with open(log) as stream:
                orders.append(stream.read().split())
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])
        rounds = [sorted(orders[0][i:i + 3]) for i in range(0, 24, 3)]
        self.assertEqual(rounds, [['a', 'b', 'core']] * 8)

    def test_a_peer_that_is_not_installed_is_skipped_by_name(self):
        self.peers(good='ops() { echo "ops $1"; echo "ns 50"; }', other=None)
        status, out = self.run_it()
        self.assertEqual(status, 0, out)
        self.assertIn('other: not installed: needs libother-dev', out)

    def test_a_peer_is_built_again_only_when_its_source_has_changed(self):
        built = os.path.join(self.build, 'bench', 'built')
        for later, times in ((-10, 1), (-10, 1), (10, 2)):
            for name in os.listdir(self.sources):
                os.utime(os.path.join(self.sources, name), (time.time() + later,) * 2)
            self.assertEqual(self.run_it()[0], 0)
            with open(built) as stream:
                self.assertEqual(len(stream.readlines()), times)

    def test_programs_that_fail_are_named_and_the_others_go_on(self):
        self.peers(wrong='ops() { echo "ops 1"; echo "ns 5"; }',
                   silent='ops() { echo "ops $1"; }',
                   broken='ops() { echo "it broke" >&2; exit 1; }',
                   crash='ops() { kill -SEGV $$; }',
                   good='ops() { echo "ops $1"; echo "ns 50"; }')
        status, out = self.run_it()
        self.assertEqual(status, 1)
        self.fails(out, 'count: wrong: wrong result: ops is 1, not 100',
                   "count: silent: prints no 'ns'", 'count: broken: exit status 1: it broke',
                   'count: crash: ended by signal 11')
        self.assertIn('2.50×', out)

    def test_what_a_program_cannot_do_is_told_and_no_error(self):
        self.peers(small='ops() { echo "too little memory" >&2; exit 3; }')
        status, out = self.run_it()
        self.assertEqual(status, 0, out)
        self.assertIn('cannot: too little memory', out)

    def test_a_program_that_hangs_is_ended_with_its_children(self):
        child = os.path.join(self.build, 'child')
        self.peers(hangs='ops() { sleep 1000 & echo $! >"%s"; wait; }' % child)
        status, out = self.run_it(tables=[counting(timeout_s=0.5)])
        self.assertEqual(status, 1)
        self.fails(out, 'count: hangs: took longer than 0.5 s')
        self.assertGone(child)

    def test_a_failure_in_some_rounds_is_counted(self):
        log = os.path.join(self.build, 'log')
        self.program('core', 'ops() { echo x >>"%s"; [ "$(wc -l <"%s")" != 2 ] || exit 1; '
                     'echo "ops $1"; echo "ns 20"; }' % (log, log))
        status, out = self.run_it('--no-peers', '--rounds', '5')
        self.assertEqual(status, 1)
        self.assertIn('FAILED in 1 of 5 rounds: exit status 1', out)

    def test_a_promise_that_is_not_kept_is_an_error_and_a_missed_goal_is_none(self):
        goal = Goal('ns', at_most=10)
        status, out = self.run_it(tables=[counting(goals=(goal,))])
        self.assertEqual(status, 0)
        self.assertIn("MISSED, bide light's 20.0, 100 % more", out)
        status, out = self.run_it(tables=[counting(goals=(Goal('ns', at_most=10, must=True),))])
        self.assertEqual(status, 1)
        self.fails(out, 'count: time at most 10 ns')

    def test_ours_that_is_not_built_is_an_error(self):
        os.unlink(os.path.join(self.build, 'bench', 'core'))
        status, out = self.run_it()
        self.assertEqual(status, 1)
        self.fails(out, 'bide light: core: does not run')

    def test_names_that_there_are_not_are_refused(self):
        for arguments in (['--rows', 'no'], ['--peers', 'no'], ['--rounds', '0'], ['--never'],
                          ['--peers', 'good', '--no-peers']):
            with self.assertRaises(SystemExit) as ended, \
                    contextlib.redirect_stderr(io.StringIO()):
                self.run_it(*arguments)
            self.assertEqual(ended.exception.code, 2, arguments)

    def test_rows_and_peers_can_be_chosen(self):
        ops = 'ops() { echo "ops $1"; echo "ns 5"; }'
        self.peers(a=ops, b=ops)
        self.run_it('--rows', 'o*', '--peers', 'b', tables=[counting('one'), counting('two')])
        data = self.results()
        self.assertEqual([t['name'] for t in data['tables']], ['one'])
        self.assertEqual([p['name'] for p in data['programs']], ['bide light', 'b'])

    def figures_of(self, name):
        """What the programs of a table printed, by their names."""
        table, = [table for table in self.results()['tables'] if table['name'] == name]
        return {one['program']: one['figures']['ns']['value'] for one in table['results']}

    ROWS = 'ops() { echo "ops $1"; echo "ns ${row#row}"; }'

    def test_a_name_may_stand_for_another_row_in_another_table(self):
        self.program('core', self.ROWS, rows='row1 row2')
        status, out = self.run_it('--no-peers', tables=[
            counting(name, ours=(Ours('it', 'core', row=row),))
            for name, row in (('one', 'row1'), ('two', 'row2'))])
        self.assertEqual(status, 0, out)
        self.assertEqual((self.figures_of('one'), self.figures_of('two')), ({'it': 1}, {'it': 2}))
        self.assertEqual([p['name'] for p in self.results()['programs']], ['it'])

    def test_a_peer_may_take_part_by_several_rows(self):
        self.peers(rows='row3 row4', a=self.ROWS, b=self.ROWS)
        some = (Theirs('a so', 'a', 'row3'), Theirs('a thus', 'a', 'row4'),
                Theirs('gone', 'c', 'row3'))
        status, out = self.run_it('--markdown', tables=[counting(peers=some)])
        self.assertEqual(status, 0, out)
        self.assertEqual(self.figures_of('count'), {'bide light': 20, 'a so': 3, 'a thus': 4})
        self.assertIn('| a thus | 4.00 |', out)

    def test_some_of_the_peers_may_take_part(self):
        self.peers(a=self.ROWS, b='ops() { echo "ops $1"; echo "ns 5"; }')
        self.assertEqual(self.run_it(tables=[counting(peers=('b',))])[0], 0)
        self.assertEqual(self.figures_of('count'), {'bide light': 20, 'b': 5})

    def test_values_of_any_name_are_shown(self):
        self.program('core', 'ops() { echo "ops $1"; echo "what_you_like 42.5"; echo "a note"; }')
        status, out = self.run_it('--no-peers', tables=[counting(columns=())])
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r'what_you_like +42\.5')

    def test_the_programs_can_run_at_once(self):
        # Each ends only when all have begun.
        there = os.path.join(self.build, 'there')
        os.mkdir(there)
        body = ('ops() { : >"%s/${0##*/}"; while [ "$(ls "%s" | wc -l)" -lt 3 ]; do sleep 0.01; '
                'done; echo "ops $1"; echo "ns 5"; }' % (there, there))
        self.program('core', body)
        self.peers(a=body, b=body)
        status, out = self.run_it('--quick', tables=[
            counting(together_quick=True, timeout_s=60)])
        self.assertEqual(status, 0, out)
        self.assertEqual([len(r['samples']) for r in self.results()['tables'][0]['results']],
                         [1] * 3)

    def serve(self, answer, table):
        """Runs a table of a server in Python, which answers data with an expression of it."""
        path = os.path.join(self.build, 'bench', 'core')
        self.script(path, '')
        with open(path, 'w') as stream:
            stream.write(SERVER % (sys.executable, answer))
        os.symlink(os.path.join(BUILD, 'bench', 'load'),
                   os.path.join(self.build, 'bench', 'load'))
        return self.run_it('--no-peers', tables=[table])

    def test_a_server_is_measured_by_who_asks_it(self):
        column = printed('cpu_us', 'CPU', 'µs', chart=True)
        table = counting(take=served.messages(3, 20000), columns=(column,))
        status, out = self.serve('data', table)
        values = []
        # On a busy virtual machine the time of a process that runs may be told late.
        while not any(values) and len(values) < 5:
            self.assertEqual(status, 0, out)
            entry, = self.results()['tables'][0]['results']
            values.append(entry['figures']['cpu_us']['value'])
            status, out = self.run_it('--no-peers', tables=[table])
        self.assertGreater(max(values), 0)

    def test_connections_may_only_be_held(self):
        column = printed('bytes_each', 'memory', 'bytes', chart=True)
        status, out = self.serve('data', counting(take=served.idle(64), columns=(column,)))
        self.assertEqual(status, 0, out)
        entry, = self.results()['tables'][0]['results']
        self.assertGreater(entry['figures']['bytes_each']['value'], 0)

    def test_more_connections_than_descriptors_are_no_error(self):
        status, out = self.serve('data', counting(
            take=served.idle(64), size=Fixed(1 << 40, base=None)))
        self.assertEqual(status, 0, out)
        self.assertIn('cannot: the system allows', out)

    def test_a_server_that_answers_wrong_bytes_fails(self):
        status, out = self.serve('data[::-1]', counting(take=served.messages(3, 64)))
        self.assertEqual(status, 1)
        self.fails(out, 'load: the server has answered wrong bytes')

    def test_a_server_that_answers_too_much_fails(self):
        status, out = self.serve('data + data', counting(take=served.messages(3, 64)))
        self.assertEqual(status, 1)
        self.fails(out, 'load: the server has answered wrong bytes')

    def test_a_server_that_ends_is_told_of_itself(self):
        status, out = self.serve('sys.exit("out of order")', counting(
            take=served.messages(3, 64)))
        self.assertEqual(status, 1)
        self.fails(out, 'load: the server has closed a connection', 'out of order')

    def test_cores_are_busy_meanwhile_and_not_after(self):
        with process.busy_cores(2):
            pids = [child.process.pid for child in process.live]
            self.assertEqual([running(pid) for pid in pids], [True, True])
        self.assertEqual([running(pid) for pid in pids], [False, False])

    def test_an_interrupt_ends_all_and_leaves_what_there_is(self):
        child = os.path.join(self.build, 'child')
        self.peers(hangs='ops() { echo $$ >"%s"; sleep 1000; }' % child)
        runner = subprocess.Popen([sys.executable, '-c', COMMAND, self.builder, self.build],
                                  stdout=subprocess.PIPE, universal_newlines=True)
        for _ in range(3000):
            if os.path.exists(child) and os.path.getsize(child):
                break
            time.sleep(0.01)
        busy = children(runner.pid)
        self.assertGreater(len(busy), 1)
        runner.send_signal(signal.SIGINT)
        out = runner.communicate(timeout=60)[0]
        self.assertEqual(runner.returncode, 130, out)
        self.assertIn('interrupted', out)
        self.assertGone(child)
        self.assertEqual([running(pid) for pid in busy], [False] * len(busy))
        self.assertEqual(self.results()['tables'][0]['complete'], False)

    def assertGone(self, path):
        with open(path) as stream:
            pid = int(stream.read())
        for _ in range(1000):
            if not running(pid):
                return
            time.sleep(0.01)
        self.fail('the child still runs')


def stat(pid):
    """State and parent of a process, or nothing."""
    try:
        with open('/proc/%d/stat' % pid) as stream:
            return stream.read().rpartition(')')[2].split()[:2]
    except OSError:
        return []


def running(pid):
    return bool(stat(pid)) and stat(pid)[0] not in 'ZX'


def children(pid):
    return [int(name) for name in os.listdir('/proc') if name.isdigit()
            and stat(int(name))[1:] == [str(pid)]]


if __name__ == '__main__':
    sys.exit(tap.run(sys.modules[__name__]))
