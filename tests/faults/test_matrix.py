"""The page about faults says what is tried: every row of the matrix, and no test that is not there."""

from __future__ import annotations

from tests.faults.lanes import ALONE, together
from tests.faults.matrix import MATRIX, PAGE, missing, page, selection


def test_the_page_is_what_the_table_says() -> None:
    """After a change: `python -m tests.faults.matrix`."""
    assert PAGE.read_text() == page()


def test_every_fault_has_a_row_and_a_test() -> None:
    """F1 to F28, none left out; a fault that these machines do not allow says why."""
    assert [row.name for row in MATRIX] == [f"F{number}" for number in range(1, 29)]
    assert all(row.tests or row.limit for row in MATRIX)


def test_the_tests_it_names_are_there() -> None:
    """A renamed test would leave a promise without its proof."""
    assert missing() == []


def test_every_test_has_its_turn_and_those_that_time_something_have_it_alone() -> None:
    """What `make test-faults` runs, in as many processes as it may be."""
    groups = together(selection())
    assert sorted(test for group in groups.values() for test in group) == sorted(selection())
    assert set(groups["alone"]) == set(ALONE)
