"""Which page of a batch a person looks at, and the way to the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property

import streamlit as st

from apps.archivair.batch.contents import Batch, BatchPage, Document, document_of
from shared.ui import AppContext

PART_PAGES = 24
"""Pages in one part of the strip: a browser cannot hold 2,000 pictures."""
_PAGE, PART_KEY = "archivair_documents_page", "archivair_documents_part"


class Position:
    """The page that is looked at; the first one of a batch that was just opened.

    Args:
        run_id: The run.
        batch: Its documents.
    """

    def __init__(self, run_id: str, batch: Batch) -> None:
        self._run_id = run_id
        self.batch = batch
        chosen = st.session_state.get(_PAGE, ("", 0))
        number = chosen[1] if chosen[0] == run_id else batch.pages[0].page
        self.place = self._places.get(number, 0)
        if number not in self._places:  # not read yet
            earlier = [one for one in self._numbers if one < number]
            self.place = self._places[max(earlier)] if earlier else 0

    @cached_property
    def _numbers(self) -> list[int]:
        return [page.page for page in self.batch.pages]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self._numbers)}

    @property
    def page(self) -> BatchPage:
        """The page."""
        return self.batch.pages[self.place]

    @property
    def before(self) -> BatchPage | None:
        """The page before it."""
        return self.batch.pages[self.place - 1] if self.place else None

    @property
    def total(self) -> int:
        """Pages of the whole batch, also of what is not read yet."""
        return max(sum(one.pages for one in self.batch.inputs), len(self.batch.pages))

    @property
    def document(self) -> Document:
        """The document of the page."""
        return document_of(self.batch.documents, self.page.page)

    @property
    def part(self) -> range:
        """Places of the pages that the strip shows now."""
        first = self.place // PART_PAGES * PART_PAGES
        return range(first, min(first + PART_PAGES, len(self.batch.pages)))

    def go_to(self, number: int) -> None:
        """Look at a page.

        Args:
            number: Its number in the batch.
        """
        st.session_state[_PAGE] = (self._run_id, number)

    def choose_part(self) -> None:
        """Show where in a long batch the strip is, and let a person turn to another part."""
        parts = -(-len(self.batch.pages) // PART_PAGES)
        if parts == 1:
            return
        st.session_state[PART_KEY] = self.place // PART_PAGES + 1
        st.pagination(parts, key=PART_KEY, on_change=self._turn)

    def _turn(self) -> None:
        place = (st.session_state[PART_KEY] - 1) * PART_PAGES
        self.go_to(self._numbers[min(place, len(self._numbers) - 1)])

    def _step(self, step: int) -> None:
        self.go_to(self._numbers[self.place + step])

    @property
    def _unsure(self) -> list[int]:
        """Places of the pages with a cut or a class that a person should look at, in order."""
        kinds = ("boundary", "class")
        found = {item.page for item in self.batch.needs_review if item.kind in kinds}
        return sorted(self._places[page] for page in found if page in self._places)

    def show_steps(self, ctx: AppContext, *, keys: bool) -> None:
        """Show the buttons that lead to other pages.

        Args:
            ctx: Context of the page.
            keys: Whether keys do the same.
        """
        t, unsure = ctx.t, self._unsure
        behind = bisect_right(unsure, self.place)
        others = [*unsure[behind:], *unsure[: bisect_left(unsure, self.place)]]
        goal = self._numbers[others[0]] if others else None
        with st.container(horizontal=True, gap="small"):
            st.button(
                t("Zurück"),
                key="archivair_documents_back",
                help=t("Zur Seite davor"),
                shortcut="Left" if keys else None,
                disabled=self.place == 0,
                on_click=self._step,
                args=(-1,),
            )
            st.button(
                t("Weiter"),
                key="archivair_documents_forward",
                help=t("Zur nächsten Seite"),
                shortcut="Right" if keys else None,
                disabled=self.place == len(self._numbers) - 1,
                on_click=self._step,
                args=(1,),
            )
            st.button(
                t("Nächste unsichere Stelle"),
                key="archivair_documents_unsure",
                shortcut="N" if keys else None,
                disabled=goal is None,
                on_click=self.go_to,
                args=(goal,),
            )
