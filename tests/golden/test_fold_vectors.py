"""The vectors that Python and the browser are both held to."""

from __future__ import annotations

import pytest

from tests.golden.vectors import FOLDER, SCRIPTS, vector


@pytest.mark.parametrize("make", SCRIPTS, ids=lambda make: str(make.__name__))
def test_the_golden_vectors_are_what_the_fold_gives(make) -> None:
    path = FOLDER / f"{make.__name__}.json"
    assert path.read_bytes() == vector(make()), "stale: run python -m tests.golden.vectors, and look at the diff"


def test_there_is_no_vector_without_a_script() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {make.__name__ for make in SCRIPTS}
