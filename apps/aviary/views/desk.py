"""Where a person decides: what is decided, what of it is hers, what she went back to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import streamlit as st

from apps.aviary.views.own_decisions import own_decisions
from shared.contracts.identity import policy
from shared.store.decisions import Decision
from shared.ui import AppContext


def may_decide(ctx: AppContext) -> bool:
    """Say whether the role of the person allows decisions."""
    asked = policy.decide(ctx.principal, policy.REVIEW_DECIDE, app=ctx.manifest.id)
    return asked.allowed


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person decides.

    Args:
        ctx: Context of the page.
        run_id: The run.
        name: Prefix of what the session keeps, with the slug.
        decided: What is decided now, by item.
    """

    ctx: AppContext
    run_id: str
    name: str
    decided: Mapping[str, Decision]

    @property
    def may_decide(self) -> bool:
        """True where the role of the person allows it."""
        return may_decide(self.ctx)

    def wanted(self, known: Collection[str]) -> str | None:
        """Return the item that the person went back to; None for whatever is next."""
        item: str | None = st.session_state.get(f"{self.name}_item")
        return item if item in known else None

    def last(self, known: Collection[str]) -> Decision | None:
        """Return what would be taken back: the latest of this tab, else the latest of this person.

        What somebody else decided is never taken back, only overruled by a new decision.
        """
        standing = {one.id: one for key, one in self.decided.items() if key in known}
        tab: list[str] = st.session_state.get(f"{self.name}_own", [])
        latest = (one for one in (*reversed(tab), *reversed(self._own())) if one in standing)
        found = next(latest, None)
        return None if found is None else standing[found]

    def is_own(self, one: Decision) -> bool:
        """Say whether this person made a decision, as far as this process knows."""
        return one.id in self._own()

    def note_own(self, one: Decision) -> None:
        """Remember that this person made a decision."""
        st.session_state.setdefault(f"{self.name}_own", []).append(one.id)
        own_decisions().note(self.run_id, self.ctx.principal.subject, one.id)

    def _own(self) -> tuple[str, ...]:
        return own_decisions().of(self.run_id, self.ctx.principal.subject)


def show_foreign(desk: Desk, item: str) -> None:
    """Say that a decision about an item stands that this person cannot take back.

    Args:
        desk: Where the person decides.
        item: What is looked at.
    """
    known, t = desk.decided.get(item), desk.ctx.t
    if known is None or desk.is_own(known):
        return
    st.caption(
        t(
            "Entschieden am {date}, {time}, nicht von Ihnen in dieser Sitzung. Zurücknehmen geht "
            "nicht; eine neue Entscheidung ersetzt diese.",
            date=t.date(known.decided_at),
            time=t.time(known.decided_at),
        )
    )
