"""Draw lines: moments or shares and values enter, the coordinates of a drawing leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 12, 12, 30  # margins, with the labels
TICKS = 4
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line, and what it stands for."""

    x: float
    name: str
    kind: str  # of its style


@dataclass(frozen=True, slots=True)
class Drawing:
    """Coordinates in a box of WIDTH by HEIGHT."""

    lines: tuple[str, ...]  # points, as SVG writes them
    area: str = ""
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()  # from and to: sessions


def draw_path(
    bars: Sequence[tuple[datetime, float]],
    marks: Sequence[tuple[datetime, str, str]],
    sessions: Sequence[tuple[datetime, datetime]],
) -> Drawing:
    """Draw prices by time; the line is cut where bars are missing for an hour or more."""
    times = [_seconds(moment) for moment, _ in bars]
    low, high = min(times), max(times)
    prices = [price for _, price in bars]
    scale_x, scale_y = _Scale(low, high, LEFT, WIDTH - RIGHT), _padded(prices)
    pieces: list[list[str]] = [[]]
    for place, (time, price) in enumerate(zip(times, prices, strict=True)):
        if place and time - times[place - 1] >= 3_600:
            pieces.append([])
        pieces[-1].append(f"{scale_x(time):.1f},{scale_y(price):.1f}")
    inside = [(_seconds(at), name, kind) for at, name, kind in marks]
    spans = [(max(_seconds(a), low), min(_seconds(b), high)) for a, b in sessions]
    return Drawing(
        lines=tuple(" ".join(each) for each in pieces),
        x_ticks=tuple(
            (scale_x(at), f"{EPOCH + timedelta(seconds=at):%H:%M}")
            for at in (low + (high - low) * n / TICKS for n in range(TICKS + 1))
        ),
        y_ticks=_ticks(prices, scale_y, ",.2f"),
        marks=tuple(
            Mark(scale_x(at), name, kind) for at, name, kind in inside if low <= at <= high
        ),
        spans=tuple((scale_x(a), scale_x(b)) for a, b in spans if a < b),
    )


def draw_calibration(curve: Sequence[tuple[float, float, float | None, float | None]]) -> Drawing:
    """Draw observed by predicted, the band of a calibrated model, and the diagonal."""
    values = [each for row in curve for each in row if each is not None]
    low, high = min(values), max(values)
    x, y = _Scale(low, high, LEFT, WIDTH - RIGHT), _Scale(low, high, HEIGHT - BOTTOM, TOP)
    line = " ".join(f"{x(p):.1f},{y(o):.1f}" for p, o, _, _ in curve)
    upper = [f"{x(p):.1f},{y(h):.1f}" for p, _, _, h in curve if h is not None]
    lower = [f"{x(p):.1f},{y(b):.1f}" for p, _, b, _ in curve if b is not None]
    ends = f"{x(low):.1f},{y(low):.1f} {x(high):.1f},{y(high):.1f}"
    return Drawing(
        lines=(line, ends),
        area=" ".join([*upper, *reversed(lower)]),
        x_ticks=_ticks([low, high], x, ".0%"),
        y_ticks=_ticks([low, high], y, ".0%"),
    )


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()


class _Scale:
    """A straight line from values to coordinates."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.begin = low, begin
        self.step = (end - begin) / ((high - low) or 1)

    def __call__(self, value: float) -> float:
        return self.begin + (value - self.low) * self.step


def _padded(values: Sequence[float]) -> _Scale:
    room = (max(values) - min(values) or abs(values[0]) or 1) * 0.05
    return _Scale(min(values) - room, max(values) + room, HEIGHT - BOTTOM, TOP)


def _ticks(values: Sequence[float], scale: _Scale, form: str) -> tuple[tuple[float, str], ...]:
    low, high = min(values), max(values)
    places = [low + (high - low) * n / TICKS for n in range(TICKS + 1)] if high > low else [low]
    return tuple((scale(each), f"{each:{form}}") for each in places)
