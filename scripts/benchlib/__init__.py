# SPDX-License-Identifier: MIT
"""How scripts/bench measures and reports. What it measures is in bench/tables.py; nothing here
knows a row by its name.

    model     what a table is made of            measure   calibration, rounds, results
    process   one run of a program, its CPU time figures   medians, ratios, goals
    programs  which programs there are           text, svg what is shown of the results
    machine   what it ran on                     cli       the command

Needs Python 3.7 and nothing else."""
