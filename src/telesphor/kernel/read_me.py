"""The page for people in every bundle: what the file is, how to check it, and what it does not say.

It is written for a regulator or a patient, and it is covered by the manifest like every other file. A
bundle about one visit and one of chosen entries claim different things, and their pages say so.

Start at `write_read_me`.
"""

from __future__ import annotations

from textwrap import fill
from typing import Final

from telesphor.kernel.manifest import Selection, Subject, name_subject

_LINE_CHARS: Final = 100


def write_read_me(*, origin: str, subject: Subject, made_at: str, entries: int) -> str:
    """Return the page for a bundle of this ledger, about this subject, with so many entries."""
    if isinstance(subject, Selection):
        purpose = fill(subject.purpose, _LINE_CHARS, initial_indent="    ", subsequent_indent="    ")
        what, complete = _CHOSEN.format(purpose=purpose), _CHOSEN_COMPLETE
    else:
        what, complete = _VISIT, _VISIT_COMPLETE
    return _READ_ME.format(
        what=what,
        complete=complete,
        origin=origin,
        subject=name_subject(subject),
        made_at=made_at,
        entries=entries,
    )


_VISIT: Final = """\
This is a proof about one telehealth visit.

It shows which steps of the visit were written into the node's ledger, in which order, at what time by
the node's clock, and who asked for each of them."""

_CHOSEN: Final = """\
This is a proof about some lines of a ledger, which somebody chose to show for this purpose:

{purpose}

It shows that these lines were written into the node's ledger, in which order, at what time by the node's
clock, and who asked for each of them. Other lines may exist. Of those, this file holds fingerprints at
most, from which nothing can be learned."""

_VISIT_COMPLETE: Final = """\
- The visit's own steps are complete: its last step counts and seals all that came before."""

_CHOSEN_COMPLETE: Final = """\
- It does not say that these lines are all there are about anything: somebody chose them."""

_READ_ME: Final = """\
WHAT THIS FILE IS

{what}

It was made by the computer system (the "node") called

    {origin}

on {made_at}, about

    {subject}

The ledger is a list to which lines can only be added. This file holds {entries} of its lines and what is
needed to check that they are in it, unchanged. It can be checked without asking the node, without an
internet connection, and without trusting whoever gave you the file.

People, devices and records appear in it only as random numbers; what they stand for is known to the
people concerned and to the organisation that runs the node. The lines hold no medical data.
Only the folders `opened` and `documents` can: values that somebody chose to show, and papers that the
lines refer to, such as the rules and facts behind a decision.


HOW TO CHECK IT WITH ONE COMMAND

You need Python 3.11 or newer with its package `cryptography`, and the single file
`telesphor-verify.pyz`. Take that file from a source you trust, not from whoever gave you this proof:

    python3 telesphor-verify.pyz this.bundle.zip

It prints each thing it checked in a plain sentence, and PASS only if all of them hold. Changing any
single byte of the proof makes it say FAIL and name what is wrong.

One thing you should add: the ledger's public keys, obtained from the organisation by another way (its
web site, a letter, its regulator). Put the two lines into a file and write

    python3 telesphor-verify.pyz --key ledger-keys.txt this.bundle.zip

Without this the keys are taken from the proof itself. The check then shows that the proof agrees with
itself, but somebody could have made up a whole ledger of their own.


HOW TO CHECK IT BY HAND

Everything in here follows published standards, so that you can write your own checker:

  This archive                an ordinary ZIP file, not compressed
  manifest.json, manifest.jws the SHA-256 digest of every other file, and the node's signature over that
                              list (JSON: RFC 8785; signature: RFC 7515 appendix F, Ed25519 by RFC 8032
                              and ML-DSA-65 by FIPS 204 and RFC 9964; both must hold)
  checkpoint                  the signed state of the ledger (C2SP tlog-checkpoint and signed-note), with
                              an Ed25519 line and an ML-DSA-44 line; both must hold. Two lines more for
                              each independent witness (C2SP tlog-cosignature), if there were any
  log.vkeys                   the ledger's public keys, as this file claims them
  cards/                      who the witnesses are, each in its own words and signed by its own keys
  anchors/                    proofs that a public chain holds the checkpoint's SHA-256, if there are any:
                              Bitcoin (OpenTimestamps, block headers), Ethereum (transaction, trie, header)
  levels.toml                 how far the node means to have its ledger confirmed; judge by your own rule
  entries/                    the ledger's lines, byte for byte, named by their position
  proofs/                     for each line, the hashes that lead from it to the checkpoint's root
                              (RFC 6962 section 2.1.1, SHA-256)
  evidence/                   the signed requests that caused the lines, named by digest
  opened/                     values the node had only committed to, now shown (HMAC-SHA256), if any
  documents/                  papers that lines, or other papers here, refer to by the SHA-256 digest that
                              is their name, as far as the node keeps and shows them

To check one line: hash it as an RFC 6962 leaf, combine it with the hashes of its proof, and compare with
the checkpoint. The steps in full are on the page "verification" of Telesphor's specification.


WHAT IT DOES NOT SAY

- It does not say that what was recorded is medically right or true, only who asked to record it and that
  it has not changed since.
- It does not say who a random number is. That link is kept outside the ledger, so that it can be deleted.
- Times are those of the node's clock, and each signed request names a time within five minutes of it.
  Other clocks confirm them only as far as witnesses and public chains are in here.
{complete}
- It does not say that every paper a line refers to is here: papers can be forgotten, and lines cannot.
- That a person's or device's list of keys is complete is the node's word. That the node did not show
  other people another ledger is its word at level L1; independent witnesses confirm it from L2 on. The
  check says which level was reached, and what the next one lacks.
"""
