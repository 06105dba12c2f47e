"""Legal holds beyond the thread's own messages: what is attached in a held thread is erased by nobody.

The vault asks before it erases an object (`vault.holds`); the composition root has it answered here. A message that was
recalled, edited or deleted still counts: what it named belongs to the matter. Start at `check_unheld`.
"""

from __future__ import annotations

import apsw

from telesphor.capabilities.messages.queries import store
from telesphor.vault.errors import ObjectHeld


def check_unheld(db: apsw.Connection, object_id: str) -> None:
    """Let only an object pass that no message of a held thread names.

    Which thread it is, is not said: whoever may erase an object need not know where it was attached.

    Raises:
        ObjectHeld: a legal hold is on at least one thread that the object is attached in.
    """
    if store.is_held(db, object_id):
        raise ObjectHeld(
            f"a legal hold keeps object `{object_id}`",
            hint="it can be erased once every hold on the threads that it is attached in is lifted",
        )
