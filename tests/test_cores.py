"""How many cores decoding uses: all there are, or one for a while."""

import pytest

from neuroact.cores import cores, granted, one_core


def test_all_cores_but_for_a_while() -> None:
    assert cores() == granted() >= 1
    with one_core():
        assert cores() == 1
        with one_core():
            assert cores() == 1
        assert cores() == 1
    assert cores() == granted()


def test_an_error_does_not_leave_it_at_one() -> None:
    def fail() -> None:
        with one_core():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert cores() == granted()
