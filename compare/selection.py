"""`-k`: words joined by `and`, `or`, `not` and parentheses, matched against a case's id, chapter and title."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.cases import Case

__all__ = ["selector"]

Matcher = Callable[[str], bool]


def selector(expression: str) -> Callable[[Case], bool]:
    """A test of a case. A word matches when it occurs in the id, the chapter or the title, in either letter case.

    Raises UsageError when the expression is malformed.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression.lower())
    position = 0

    def refused(found: str) -> UsageError:
        return UsageError(f"-k {expression!r}: {found}. Write words joined by and, or, not and parentheses.")

    def take(*wanted: str) -> bool:
        nonlocal position
        if position < len(tokens) and tokens[position] in wanted:
            position += 1
            return True
        return False

    def alternatives() -> Matcher:
        parts = list(_separated(conjunction, lambda: take("or")))
        return lambda text: any(part(text) for part in parts)

    def conjunction() -> Matcher:
        parts = list(_separated(term, lambda: take("and")))
        return lambda text: all(part(text) for part in parts)

    def term() -> Matcher:
        nonlocal position
        if take("not"):
            negated = term()
            return lambda text: not negated(text)
        if take("("):
            inner = alternatives()
            if not take(")"):
                raise refused("a parenthesis is not closed")
            return inner
        if position == len(tokens) or tokens[position] in ("and", "or", ")"):
            where = f"before '{tokens[position]}'" if position < len(tokens) else "at the end"
            raise refused(f"a word is missing {where}")
        word = tokens[position]
        position += 1
        return lambda text: word in text

    try:
        matches = alternatives()
    except RecursionError as error:
        raise UsageError("-k: the expression is nested too deeply.") from error
    if position < len(tokens):
        raise refused(f"'{tokens[position]}' is not joined to what precedes it")
    # A line break between the three keeps a word from matching across them.
    return lambda case: matches(f"{case.id}\n{case.chapter}\n{case.title}".lower())


def _separated(part: Callable[[], Matcher], separator: Callable[[], bool]) -> Iterator[Matcher]:
    yield part()
    while separator():
        yield part()
