"""Windows: what they span and which are refused."""

import pytest

from neuroact.encoders import Window
from tests.encoders.streams import events_of


def test_spans_its_first_and_last_representable_time() -> None:
    window = Window(10, 20)
    assert (window.span, window.duration, window.events) == ((10, 19), 10, None)


@pytest.mark.parametrize(
    ("times", "expected"),
    [([], Window(0, 1, 0)), ([5], Window(5, 6, 1)), ([9, 3, 7], Window(3, 10, 3)), ([-4, -4], Window(-4, -3, 2))],
)
def test_covers_all_events(times: list[int], expected: Window) -> None:
    assert Window.of(events_of(*((t, 0, 0, 0) for t in times))) == expected


@pytest.mark.parametrize("arguments", [(5, 5), (5, 4), (0, (1 << 53) + 1), (0, 10, -1)])
def test_refuses_what_is_no_window(arguments: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(*arguments)
