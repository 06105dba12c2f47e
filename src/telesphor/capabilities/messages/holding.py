"""Legal holds beyond the thread's own messages: what is attached in a held thread is erased by nobody.

The vault asks before it erases an object (`vault.holds`); the composition root has it answered here. A message that was
recalled, edited or deleted still counts: what it named belongs to the matter. Start at `holds_on`.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.capabilities.messages.queries import store
from telesphor.vault.holds import HOLDS_NAMED_MAX


def holds_on(db: apsw.Connection, object_id: str) -> Sequence[str]:
    """Return the holds on threads in which some message names an object, sorted, the first `HOLDS_NAMED_MAX`.

    Which threads these are, is not said: whoever may erase an object need not know where it was attached.
    """
    return store.holds_over(db, object_id, count_max=HOLDS_NAMED_MAX)
