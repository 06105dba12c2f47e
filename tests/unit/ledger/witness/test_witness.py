"""What a witness cosigns and what it refuses: each rule of tlog-witness, and ours beyond it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.cosignature import Cosigner, append_signatures, verify_cosignature
from telesphor.kernel.merkle import EMPTY_ROOT
from telesphor.kernel.note import Note, NoteSignature, VkeyRefused, format_note, format_signatures, parse_note
from telesphor.ledger.witness.model import (
    LogSignatureRefused,
    LogTimeRefused,
    LogUnknown,
    ProofRefused,
    RequestMalformed,
    RootConflict,
    SizeConflict,
    SubmissionRefused,
    WitnessClockBack,
    WitnessRefusal,
    format_request,
)
from telesphor.ledger.witness.store import MemoryMissing, WitnessStore
from telesphor.ledger.witness.witness import Submission, Witness
from tests.support.witnesses import (
    CARD,
    NOW_SECONDS,
    ORIGIN,
    Tree,
    clock,
    cosigned_at,
    cosigner,
    log_signer,
    make_witness,
)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make_witness(tmp_path)


@pytest.fixture
def tree() -> Tree:
    return Tree(40)


def refused(witness: Witness, body: bytes) -> WitnessRefusal:
    with pytest.raises(WitnessRefusal) as caught:
        witness.add_checkpoint(body)
    return caught.value


def test_an_honest_log_is_cosigned_as_it_grows(witness: Witness, tree: Tree) -> None:
    old = 0
    for size in (1, 7, 8, 8, 33, 40):
        lines = witness.add_checkpoint(tree.request(old, size))
        assert cosigned_at(tree.note(size), lines) == NOW_SECONDS
        old = size


def test_both_lines_are_the_witness_s_and_nothing_else_is_answered(witness: Witness, tree: Tree) -> None:
    lines = witness.add_checkpoint(tree.request(0))
    assert lines.count(b"\n") == 2
    assert all(line.startswith("— witness.example/w1 ") for line in lines.decode().splitlines())


def test_the_cosignature_states_the_witness_s_time_not_the_log_s(tmp_path: Path, tree: Tree) -> None:
    witness = make_witness(tmp_path, time=clock(NOW_SECONDS + 77))
    assert cosigned_at(tree.note(), witness.add_checkpoint(tree.request(0))) == NOW_SECONDS + 77


def test_an_empty_log_is_cosigned(witness: Witness) -> None:
    note = Tree().note()
    assert cosigned_at(note, witness.add_checkpoint(Tree().request(0))) == NOW_SECONDS


def test_cosignatures_of_others_and_lines_of_unknown_keys_are_ignored(witness: Witness, tree: Tree) -> None:
    other = cosigner("other.example/w9").cosign(tree.checkpoint(), time_seconds=1)
    stranger = NoteSignature(ORIGIN, 0xDEADBEEF, b"not a signature")  # the log's name, but not its key
    note = append_signatures(tree.note(), [*other, stranger])
    answer = witness.add_checkpoint(format_request(old_size=0, proof=(), note=note))
    assert cosigned_at(note, answer) == NOW_SECONDS, "by the witness, and nobody else"


# Statuses of the specification.


def test_an_unknown_origin_is_404(witness: Witness) -> None:
    refusal = refused(witness, Tree(3, origin="stranger.example/log").request(0))
    assert (type(refusal), refusal.status) == (LogUnknown, 404)


def test_an_unknown_origin_is_404_whatever_else_is_wrong(witness: Witness) -> None:
    strange = Tree(3, origin="stranger.example/log")
    body = format_request(old_size=99, proof=[bytes(32)], note=strange.note())
    assert refused(witness, body).status == 404


def unsigned(tree: Tree) -> bytes:
    """Signed by keys that bear the log's name and are not its keys."""
    return LogSigner.generate(ORIGIN).sign(tree.checkpoint(), time_seconds=NOW_SECONDS)


def half(keep: int) -> Callable[[Tree], bytes]:
    def cut(tree: Tree) -> bytes:
        note = parse_note(tree.note())
        return format_note(Note(note.text, (note.signatures[keep],)))

    return cut


def forged(line: int) -> Callable[[Tree], bytes]:
    def change(tree: Tree) -> bytes:
        note = parse_note(tree.note())
        lines = list(note.signatures)
        spoiled = lines[line].signature[:-1] + bytes([lines[line].signature[-1] ^ 1])
        lines[line] = NoteSignature(lines[line].name, lines[line].key_id, spoiled)
        return format_note(Note(note.text, tuple(lines)))

    return change


def twice(line: int) -> Callable[[Tree], bytes]:
    def repeat(tree: Tree) -> bytes:
        note = parse_note(tree.note())
        return format_note(Note(note.text, (*note.signatures, note.signatures[line])))

    return repeat


def of_another_tree(tree: Tree) -> bytes:
    """Both lines are the log's own, but of a smaller tree."""
    smaller = parse_note(tree.note(tree.size - 1))
    return format_note(Note(tree.checkpoint().body(), smaller.signatures))


def short_line(tree: Tree) -> bytes:
    note = parse_note(tree.note())
    ed25519, mldsa44 = note.signatures
    cut = NoteSignature(mldsa44.name, mldsa44.key_id, mldsa44.signature[:5])
    return format_note(Note(note.text, (ed25519, cut)))


@pytest.mark.parametrize(
    "make",
    [unsigned, half(0), half(1), forged(0), forged(1), twice(0), twice(1), of_another_tree, short_line],
    ids=["unsigned", "ed25519-only", "mldsa-only", "forged-ed25519", "forged-mldsa", "ed25519-twice", "mldsa-twice",
         "of-another-tree", "short-line"],
)  # fmt: skip
def test_a_log_signature_that_is_not_whole_is_403(
    witness: Witness, tree: Tree, make: Callable[[Tree], bytes]
) -> None:
    refusal = refused(witness, format_request(old_size=0, proof=(), note=make(tree)))
    assert (type(refusal), refusal.status) == (LogSignatureRefused, 403)
    witness.add_checkpoint(tree.request(0))  # nothing was taken


def test_an_unsigned_checkpoint_is_403_whatever_its_sizes_are(witness: Witness, tree: Tree) -> None:
    assert refused(witness, format_request(old_size=99, proof=(), note=unsigned(tree))).status == 403


def test_an_old_size_larger_than_the_checkpoint_is_400(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 30))
    for old, size in ((30, 29), (31, 30), (2**63 - 1, 40)):
        body = format_request(old_size=old, proof=(), note=tree.note(size))
        assert (type(refused(witness, body)), refused(witness, body).status) == (RequestMalformed, 400)


@pytest.mark.parametrize("old", [0, 6, 8, 20])
def test_a_wrong_old_size_is_409_with_the_size(witness: Witness, tree: Tree, old: int) -> None:
    witness.add_checkpoint(tree.request(0, 7))
    refusal = refused(witness, tree.request(old, 20))
    assert isinstance(refusal, SizeConflict)
    assert (refusal.status, refusal.media_type, refusal.body) == (409, "text/x.tlog.size", b"7\n")


def test_an_old_size_of_a_log_never_cosigned_is_409_with_zero(witness: Witness, tree: Tree) -> None:
    assert refused(witness, tree.request(5, 20)).body == b"0\n"


def test_a_roll_back_is_409_with_the_larger_size(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 30))
    assert refused(witness, tree.request(0, 20)).body == b"30\n"
    assert refused(witness, tree.request(20, 20)).body == b"30\n"


def test_a_fork_is_422(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 20))
    refusal = refused(witness, tree.fork(10).request(20, 40))
    assert (type(refusal), refusal.status) == (ProofRefused, 422)


def test_a_rewritten_entry_is_422(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 39))
    rewritten = Tree()
    rewritten._leaves = list(tree._leaves)
    rewritten._leaves[3] = bytes(32)
    rewritten.grow(0)
    assert refused(witness, rewritten.request(39)).status == 422


def test_another_tree_of_the_same_size_is_409(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0))
    refusal = refused(witness, tree.fork(10).request(40))
    assert (type(refusal), refusal.status) == (RootConflict, 409)
    assert refusal.media_type.startswith("text/plain")  # no size: the log knows it already


def test_another_root_of_the_empty_tree_is_409(witness: Witness) -> None:
    note = log_signer().sign(Checkpoint(ORIGIN, 0, bytes(32)), time_seconds=NOW_SECONDS)
    assert refused(witness, format_request(old_size=0, proof=(), note=note)).status == 409
    assert Tree().checkpoint().root == EMPTY_ROOT


def test_a_proof_with_old_size_zero_is_422(witness: Witness, tree: Tree) -> None:
    body = format_request(old_size=0, proof=[bytes(32)], note=tree.note())
    assert refused(witness, body).status == 422


def test_a_proof_between_equal_sizes_is_422(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0))
    assert refused(witness, format_request(old_size=40, proof=[bytes(32)], note=tree.note())).status == 422


@pytest.mark.parametrize("change", ["none", "cut", "long", "swapped", "flipped", "sixty-three"])
def test_a_wrong_proof_is_422(witness: Witness, tree: Tree, change: str) -> None:
    witness.add_checkpoint(tree.request(0, 21))
    proof = tree.proof(21)
    wrong = {
        "none": [],
        "cut": proof[:-1],
        "long": [*proof, bytes(32)],
        "swapped": [proof[1], proof[0], *proof[2:]],
        "flipped": [*proof[:-1], bytes([proof[-1][0] ^ 1]) + proof[-1][1:]],
        "sixty-three": [bytes(32)] * 63,
    }[change]
    assert refused(witness, format_request(old_size=21, proof=wrong, note=tree.note())).status == 422


def test_nothing_refused_changes_what_is_remembered(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 20))
    for body in (
        tree.fork(10).request(20, 40),
        tree.request(0, 40),
        tree.fork(10).request(20, 20),
        b"rubbish",
    ):
        refused(witness, body)
    cosigned_at(tree.note(), witness.add_checkpoint(tree.request(20)))


# Ours beyond the specification: time.


def test_a_log_time_that_goes_back_is_403(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 20, time_seconds=NOW_SECONDS - 5))
    for old, size in ((20, 30), (20, 20)):
        refusal = refused(witness, tree.request(old, size, time_seconds=NOW_SECONDS - 6))
        assert (type(refusal), refusal.status) == (LogTimeRefused, 403)
    witness.add_checkpoint(tree.request(20, 30, time_seconds=NOW_SECONDS - 5))


def test_a_log_time_too_far_ahead_is_403_and_is_not_remembered(witness: Witness, tree: Tree) -> None:
    assert refused(witness, tree.request(0, time_seconds=NOW_SECONDS + 301)).status == 403
    witness.add_checkpoint(tree.request(0, time_seconds=NOW_SECONDS))


def test_a_log_time_a_little_ahead_is_taken(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, time_seconds=NOW_SECONDS + 300))


def test_cosignature_times_never_go_back(tmp_path: Path, tree: Tree) -> None:
    time = clock()
    witness = make_witness(tmp_path, time=time)
    times = []
    for size, step_seconds in ((10, 0), (20, -200), (20, 0), (30, 100), (40, 150)):
        time.advance_ms(step_seconds * 1000)
        old = witness._store.seen(ORIGIN).size
        times.append(cosigned_at(tree.note(size), witness.add_checkpoint(tree.request(old, size))))
    assert times == [NOW_SECONDS, NOW_SECONDS, NOW_SECONDS, NOW_SECONDS, NOW_SECONDS + 50]


def test_a_clock_set_far_back_signs_nothing(tmp_path: Path, tree: Tree) -> None:
    time = clock()
    witness = make_witness(tmp_path, time=time)
    witness.add_checkpoint(tree.request(0, 10, time_seconds=NOW_SECONDS - 1000))
    time.advance_ms(-301_000)
    refusal = refused(witness, tree.request(10, time_seconds=NOW_SECONDS - 1000))
    assert (type(refusal), refusal.status) == (WitnessClockBack, 503)
    time.advance_ms(1_000)
    witness.add_checkpoint(tree.request(10, time_seconds=NOW_SECONDS - 1000))


# Logs, restarts, repetition.


def test_the_same_submission_again_is_cosigned_again(witness: Witness, tree: Tree) -> None:
    first = witness.add_checkpoint(tree.request(0))
    assert refused(witness, tree.request(0)).body == b"40\n"  # as if its answer had been lost
    again = witness.add_checkpoint(tree.request(40))
    assert cosigned_at(tree.note(), first) == cosigned_at(tree.note(), again)


def test_what_was_cosigned_is_remembered_over_a_restart(tmp_path: Path, tree: Tree) -> None:
    make_witness(tmp_path).add_checkpoint(tree.request(0, 20))
    again = make_witness(tmp_path)
    assert refused(again, tree.request(0, 30)).body == b"20\n"
    assert refused(again, tree.fork(10).request(20)).status == 422
    assert refused(again, tree.request(20, time_seconds=NOW_SECONDS - 1)).status == 403
    again.add_checkpoint(tree.request(20))


def test_logs_do_not_see_each_other(tmp_path: Path) -> None:
    other = "hospital.example/ledger"
    witness = make_witness(tmp_path, origins=(ORIGIN, other))
    witness.add_checkpoint(Tree(10).request(0))
    witness.add_checkpoint(Tree(5, origin=other, history="c").request(0))
    assert refused(witness, Tree(20).request(5)).body == b"10\n"


def test_a_log_that_is_no_longer_witnessed_is_remembered(witness: Witness, tree: Tree) -> None:
    witness.add_checkpoint(tree.request(0, 20))
    witness.trust({})
    assert refused(witness, tree.request(20)).status == 404
    witness.trust({ORIGIN: log_signer().vkeys()})
    assert refused(witness, tree.request(0)).body == b"20\n"


def test_a_log_with_one_classical_key_is_witnessed_without_times(tmp_path: Path, tree: Tree) -> None:
    witness = make_witness(tmp_path)
    witness.trust({ORIGIN: log_signer().vkeys()[:1]})
    note = parse_note(tree.note())
    only = format_note(Note(note.text, note.signatures[:1]))
    cosigned_at(only, witness.add_checkpoint(format_request(old_size=0, proof=(), note=only)))


@pytest.mark.parametrize(
    "vkeys",
    [(), log_signer("other.example/x").vkeys(), log_signer().vkeys() * 2, cosigner().vkeys(), ("rubbish",), ("a",) * 5],
    ids=["none", "another-name", "twice", "a-witness-s-keys", "rubbish", "too-many"],
)  # fmt: skip
def test_keys_that_are_not_the_log_s_cannot_be_trusted(witness: Witness, vkeys: tuple[str, ...]) -> None:
    with pytest.raises(VkeyRefused):
        witness.trust({ORIGIN: vkeys})


def test_a_log_with_a_key_of_the_witness_is_not_trusted(witness: Witness) -> None:
    ours = cosigner()
    log = LogSigner(ORIGIN, bytes(32), ours.mldsa44_seed)
    with pytest.raises(VkeyRefused, match="a key of this witness"):
        witness.trust({ORIGIN: log.vkeys()})


def test_the_memory_of_another_witness_is_refused(tmp_path: Path) -> None:
    make_witness(tmp_path)
    make_witness(tmp_path)
    with pytest.raises(MemoryMissing, match="another witness's"):
        make_witness(tmp_path, name="other.example/w9")


def test_a_witness_that_asks_for_more_refuses_before_it_remembers(tmp_path: Path, tree: Tree) -> None:
    class Refusing:
        def check(self, submission: Submission) -> None:
            assert submission.request.checkpoint.size == 40
            raise SubmissionRefused("no")

    witness = make_witness(tmp_path, check=Refusing())
    assert refused(witness, tree.request(0)).status == 403
    assert refused(witness, tree.request(5)).body == b"0\n"


def test_a_cosignature_of_this_witness_for_another_name_does_not_count(tree: Tree, witness: Witness) -> None:
    lines = witness.add_checkpoint(tree.request(0))
    renamed = lines.replace(b"witness.example/w1", b"witness.example/w2")
    ours = cosigner()
    other = Cosigner("witness.example/w2", ours.ed25519_seed, ours.mldsa44_seed)
    with pytest.raises(Exception, match="has not signed"):
        verify_cosignature(parse_note(tree.note() + renamed), other.keys)


def test_the_answer_is_the_lines_of_the_kernel(tmp_path: Path, tree: Tree) -> None:
    lines = make_witness(tmp_path).add_checkpoint(tree.request(0))
    expected = cosigner().cosign(tree.checkpoint(), time_seconds=NOW_SECONDS)
    assert lines.split(b"\n")[0] + b"\n" == format_signatures(expected[:1])  # Ed25519 is deterministic
    assert base64url.std_decode(lines.decode().split()[-1])[4:12] == NOW_SECONDS.to_bytes(8, "big")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    witness = Witness(
        cosigner=cosigner(),
        card=CARD,
        logs={},
        store=WitnessStore(tmp_path / "w.sqlite", new=True),
        clock=clock(),
    )
    assert cosigner().ed25519_seed.hex() not in repr(witness) + repr(vars(witness))
