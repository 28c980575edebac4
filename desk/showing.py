"""Shares on their way to paper: each is announced, shown to its holder alone, put away, and some are typed back.

The state lives in this process's memory: no address, cookie, log line or file holds a word of a share.
"""

from collections.abc import Sequence
from typing import Final

from agencies.setup import LEAST_TYPED_BACK, Papers

ANNOUNCED, SHOWN, TYPING, DONE = "announced", "shown", "typing", "done"
STAGES: Final = (ANNOUNCED, SHOWN, TYPING, DONE)


class Showing:
    """The shares of one or several keys, one after the other."""

    def __init__(self, papers: Sequence[Papers]) -> None:
        self._papers = tuple(papers)
        self._queue = [(one, holder) for one in papers for holder in one.holders]
        self._at = 0
        self._is_shown = False

    @property
    def stage(self) -> str:
        """What comes now."""
        if self._at < len(self._queue):
            return SHOWN if self._is_shown else ANNOUNCED
        return DONE if self.typing is None else TYPING

    @property
    def number(self) -> int:
        """Of the share that is announced or shown, from 1."""
        return min(self._at + 1, len(self._queue))

    @property
    def count(self) -> int:
        """How many shares there are in all."""
        return len(self._queue)

    @property
    def holder(self) -> str:
        """Who may look now."""
        return self._queue[self._at][1]

    @property
    def purpose(self) -> str:
        """Of which key the share is that is shown, or that is typed back."""
        if self._at < len(self._queue):
            return self._queue[self._at][0].purpose
        return "" if self.typing is None else self.typing.purpose

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the share, while it is shown."""
        papers, holder = self._queue[self._at]
        return tuple(papers.show(holder).split(" ")) if self._is_shown else ()

    def show(self) -> None:
        """The holder is alone at the screen."""
        if self.stage == ANNOUNCED:
            self._is_shown = True

    def put_away(self) -> None:
        """It is on paper, and is never shown again."""
        if self.stage == SHOWN:
            papers, holder = self._queue[self._at]
            papers.put_away(holder)
            self._at, self._is_shown = self._at + 1, False

    @property
    def typing(self) -> Papers | None:
        """The key of which shares are still to be typed back."""
        return next((one for one in self._papers if len(one.typed_back) < LEAST_TYPED_BACK), None)

    @property
    def typed(self) -> int:
        """How many shares of that key were typed back."""
        return 0 if self.typing is None else len(self.typing.typed_back)

    def type_back(self, words: str) -> str:
        """Compare what was typed with what was shown; whose share it is.

        Raises:
            KeyUnusable: no share of this key reads like that.
        """
        papers = self.typing
        return "" if papers is None else papers.type_back(words)
