"""A benchmark's report as a small table of plain text, for those who would rather read than parse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

DIGITS = 4


def as_table(report: Mapping[str, object]) -> str:
    """Return one line per figure; those inside others are named with dots.

    >>> print(as_table({"pupils": 150000, "ratio": {"bare_scan": 1.23456, "range": [1.1, 1.3]}}))
    pupils            150000
    ratio.bare_scan   1.235
    ratio.range       1.1 … 1.3
    """
    lines = list(_lines(report, ""))
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:<{width}}   {value}" for name, value in lines)


def _lines(report: Mapping[str, object], before: str) -> Iterator[tuple[str, str]]:
    for name, value in report.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{before}{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, start=1):
                yield from _lines(one, f"{before}{name}.{number}.")
        elif isinstance(value, list | tuple):
            yield f"{before}{name}", " … ".join(map(_shown, value))
        else:
            yield f"{before}{name}", _shown(value)


def _shown(value: object) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
