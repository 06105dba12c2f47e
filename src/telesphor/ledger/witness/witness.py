"""The decision of a witness: whether to cosign what a log submits (C2SP tlog-witness).

`Witness.add_checkpoint` goes through the specification's checks in their order, makes the new state durable,
and only then signs. Beyond the specification it asks that every key of the log has signed, both halves of a
hybrid log, and that the time which the log states never goes back nor lies in the future. A notary is the
same with one more check (`notary`), a validator that reads the entries too is `mirror`.

INVARIANT: a signature is made only over a state that is durable already, so no crash can leave one behind
that the witness has forgotten. See `docs/spec/witness.md` for the steps by number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from telesphor.kernel.checkpoint import CosignatureVerifier, cosigned_time
from telesphor.kernel.clock import Clock
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.merkle import ConsistencyRefused, verify_consistency
from telesphor.kernel.note import (
    ED25519_TYPE,
    Ed25519Verifier,
    Note,
    NoteSignature,
    NoteVerifier,
    VkeyRefused,
    format_signatures,
    parse_vkey,
)
from telesphor.ledger.witness.model import (
    LogSignatureRefused,
    LogTimeRefused,
    LogUnknown,
    ProofRefused,
    Request,
    RequestMalformed,
    RootConflict,
    SizeConflict,
    parse_request,
)
from telesphor.ledger.witness.store import Seen, WitnessStore

AHEAD_SECONDS_MAX: Final = 300
"""How far a log's clock may be ahead of ours: what synchronised machines never reach."""

LOG_KEYS_MAX: Final = 4
"""Keys of one log, all of which must sign: two, and two more while they change."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What passed the checks so far: the request, the time that its log states, and what it was checked against."""

    request: Request
    log_seconds: int
    known: Seen


class SubmissionCheck(Protocol):
    """What a witness asks for beyond consistency; raises a `WitnessRefusal`."""

    def check(self, submission: Submission) -> None: ...


class Witness:
    """One witness. Safe between threads.

    Args:
        cosigner: its keys.
        card: its signed card, as it is shown.
        logs: origin to the vkeys of each log that it witnesses; all of them must sign.
        store: its memory.
        check: what it asks for besides.

    Raises:
        VkeyRefused: a log's keys are not keys of that log, or are the witness's own.
        MemoryMissing: the memory is another witness's.
    """

    def __init__(
        self,
        *,
        cosigner: Cosigner,
        card: bytes,
        logs: Mapping[str, Sequence[str]],
        store: WitnessStore,
        clock: Clock,
        check: SubmissionCheck | None = None,
    ) -> None:
        self.card = card
        self._cosigner = cosigner
        self._store = store
        self._clock = clock
        self._check = check
        store.bind(f"{cosigner.name}+{cosigner.keys.mldsa44.key_id:08x}")
        self.trust(logs)

    def trust(self, logs: Mapping[str, Sequence[str]]) -> None:
        """Witness these logs from now on; what is remembered of any log is kept."""
        keys = self._cosigner.keys
        for vkey in (parse_vkey(text) for vkeys in logs.values() for text in vkeys):
            if vkey.public_key in (keys.ed25519.public_key, keys.mldsa44.public_key):
                # Else its own cosignatures could be taken for the log's signatures.
                raise VkeyRefused(f"the log `{vkey.name}` has a key of this witness")
        self._logs = {origin: log_keys(origin, vkeys) for origin, vkeys in logs.items()}

    def add_checkpoint(self, body: bytes) -> bytes:
        """Answer `POST add-checkpoint`: the signature lines of this witness. Raises `WitnessRefusal`."""
        return self.cosign(self.examine(body))

    def examine(self, body: bytes) -> Submission:
        """Steps 1 to 8: everything that can be checked before anything is written."""
        # 1. The request has the form of the specification (400).
        request = parse_request(body)
        checkpoint = request.checkpoint
        # 2. The log is known (404).
        verifiers = self._logs.get(checkpoint.origin)
        if verifiers is None:
            raise LogUnknown("no log of this origin is witnessed here")
        # 3. Every key of the log has signed (403), and 4. at a time that has come (403).
        log_seconds = _verify_log(request.note, verifiers)
        if log_seconds > self._now_seconds() + AHEAD_SECONDS_MAX:
            raise LogTimeRefused("the log states a time that has not come yet")
        # 5. The tree does not shrink (400).
        if request.old_size > checkpoint.size:
            raise RequestMalformed("the old size is larger than the checkpoint's")
        # 6. The log goes on from what was cosigned last (409).
        known = self._store.seen(checkpoint.origin)
        if request.old_size != known.size:
            raise SizeConflict(known.size)
        # 7. The tree only grew (409 for two trees of one size, else 422).
        _verify_growth(request, known)
        # 8. What else this witness asks for (403 or 422).
        submission = Submission(request, log_seconds, known)
        if self._check is not None:
            self._check.check(submission)
        return submission

    def cosign(self, submission: Submission) -> bytes:
        """Steps 9 and 10: keep the new state, durably, then sign it."""
        checkpoint = submission.request.checkpoint
        wanted = Seen(checkpoint.size, checkpoint.root, submission.log_seconds, self._now_seconds())
        # 9. Compare and swap (409 when another came first; 403 when the log's time went back).
        kept = self._store.advance(checkpoint.origin, known=submission.known, wanted=wanted)
        # 10. Sign what is kept, with the time that is kept.
        return format_signatures(self._cosigner.cosign(checkpoint, time_seconds=kept.cosigned_seconds))

    def close(self) -> None:
        """Close its memory."""
        self._store.close()

    def _now_seconds(self) -> int:
        return self._clock.now_ms() // 1000


def log_keys(origin: str, vkeys: Sequence[str]) -> tuple[NoteVerifier, ...]:
    """The keys of a log, all of which must sign; raises `VkeyRefused` unless they bear its origin."""
    if not 1 <= len(vkeys) <= LOG_KEYS_MAX:
        raise VkeyRefused(f"a log has between 1 and {LOG_KEYS_MAX} keys")
    verifiers = tuple(map(_log_verifier, vkeys))
    if any(verifier.name != origin for verifier in verifiers):
        raise VkeyRefused("the keys of a log must bear its origin as their name")
    if len({verifier.key_id for verifier in verifiers}) != len(verifiers):
        raise VkeyRefused("a key of the log is named twice")
    return verifiers


def _log_verifier(text: str) -> NoteVerifier:
    vkey = parse_vkey(text)
    if vkey.signature_type == ED25519_TYPE:
        return Ed25519Verifier(vkey)
    return CosignatureVerifier(vkey)  # refuses every type but ML-DSA-44


def _verify_log(note: Note, verifiers: Iterable[NoteVerifier]) -> int:
    """Verify that each key has signed once; returns the latest time stated, 0 where none is.

    Lines are counted before any is verified, so that a request costs one verification per key at most.
    """
    signed = [(verifier, _line_of(note, verifier)) for verifier in verifiers]
    times = [0]
    for verifier, line in signed:
        try:
            verifier.verify(note.text, line.signature)
        except TelesphorError as error:
            raise LogSignatureRefused(error.message) from error
        if isinstance(verifier, CosignatureVerifier):
            times.append(cosigned_time(line.signature))
    return max(times)


def _line_of(note: Note, verifier: NoteVerifier) -> NoteSignature:
    named = (verifier.name, verifier.key_id)
    lines = [line for line in note.signatures if (line.name, line.key_id) == named]
    if len(lines) != 1:
        # None, or two of one key, which could state two times.
        raise LogSignatureRefused(f"the key `{verifier.key_id:08x}` of the log must sign, once")
    return lines[0]


def _verify_growth(request: Request, known: Seen) -> None:
    checkpoint = request.checkpoint
    if checkpoint.size == known.size and checkpoint.root != known.root:
        raise RootConflict("another tree of this size was cosigned")
    try:
        verify_consistency(
            old_size=known.size,
            old_root=known.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            path=request.proof,
        )
    except ConsistencyRefused as error:
        raise ProofRefused(error.message) from error
