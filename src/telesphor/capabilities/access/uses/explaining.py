"""Why a decision came out as it did, for other capabilities that show decisions: the words of the log.

Start at `explain_decision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from telesphor.capabilities.access import store as access_store
from telesphor.capabilities.access.breakglass import store as glass_store
from telesphor.capabilities.access.tokens import store as token_store
from telesphor.capabilities.access.tokens.model import TokenRow
from telesphor.capabilities.access.uses import store
from telesphor.capabilities.access.uses.words import Texts, in_plain_words, rule_in_plain_words
from telesphor.capabilities.access.vocabulary import TOKEN_PREFIX
from telesphor.runtime.capability import State


class Explained(NamedTuple):
    """Why, in plain words; the grants that determined it; what the client said it did, and who has it then."""

    rule: str
    tokens: tuple[TokenRow, ...]
    done: str
    recipient: str


def explain_decision(
    reasons: Sequence[str], *, outcome: str, decision: str, break_glass: str | None, state: State
) -> Explained:
    """Say why of one decision, from what its entry says and what is known of it now."""
    tokens = granting_tokens(reasons, state)
    texts = texts_of(tokens, break_glass=break_glass, state=state)
    done, recipient = store.uses_of(state.db, [decision]).get(decision, ("", ""))
    return Explained(rule_in_plain_words(reasons, texts, outcome=outcome), tokens, done, recipient)


def explain_policy(policy: str, *, break_glass: str | None, state: State) -> str:
    """Say in plain words what one policy is, by its id."""
    texts = texts_of(granting_tokens([policy], state), break_glass=break_glass, state=state)
    return in_plain_words(policy, texts)


def granting_tokens(reasons: Sequence[str], state: State) -> tuple[TokenRow, ...]:
    """Return the grants among the reasons of a decision."""
    names = [reason.removeprefix(TOKEN_PREFIX) for reason in reasons if reason.startswith(TOKEN_PREFIX)]
    found = (token_store.find_token(state.db, name) for name in names)
    return tuple(row for row in found if row is not None)


def granted_at(token: str, state: State) -> str | None:
    """Return when a token was minted or delegated."""
    rows = token_store.history_of(state.db, token, after=-1, count_max=1)
    return rows[0][1] if rows else None


def texts_of(tokens: Sequence[TokenRow], *, break_glass: str | None, state: State) -> Texts:
    """Return what the words of one decision are made of."""
    glass = None if break_glass is None else glass_store.find_glass(state.db, break_glass)
    shipped = all(row.slot != "base" for row in access_store.policies_in_force(state.db))
    grantors: dict[str, str] = {row.token: row.grantor for row in tokens}
    return Texts(grantors, "" if glass is None else glass.reason, shipped)
