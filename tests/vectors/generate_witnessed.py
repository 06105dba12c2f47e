"""Write the vectors of what witnesses say and how it is judged: cosignature, card, policy, levels.

Run as `python -m tests.vectors.generate_witnessed` from the root of the checkout, with `src` on the path.
Signatures are randomised, so every run gives other bytes with the same verdicts; the files change only
when a format does. Seeds are derived from words: none of these keys is in use.
"""

from __future__ import annotations

import json
from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.card import Card, Role, card_id, sign_card
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.level_policy import DEFAULT_LEVELS
from telesphor.kernel.note import Note, NoteSignature, format_note, parse_note, parse_vkey
from telesphor.kernel.signing import read_jws, sign_jws
from tests.vectors.generate_signed import ORIGIN, TIME_SECONDS, Case, seed, write

LOG = LogSigner(ORIGIN, seed("log ed25519"), seed("log mldsa44"))


def cosigner(name: str) -> Cosigner:
    return Cosigner(f"{name}.example/witness", seed(f"{name} ed25519"), seed(f"{name} mldsa44"))


WITNESS = cosigner("north")
HEAD = Checkpoint(ORIGIN, 20_852_163, seed("root"))


def make_cosignatures() -> None:
    log_lines = parse_note(LOG.sign(HEAD, time_seconds=TIME_SECONDS)).signatures
    lines = WITNESS.cosign(HEAD, time_seconds=TIME_SECONDS + 2)
    others = cosigner("south").cosign(HEAD, time_seconds=TIME_SECONDS + 1)

    good = [
        cosigned("two-lines", *log_lines, *lines),
        cosigned("two-lines-in-other-order", *lines[::-1]),
        cosigned("with-another-witness", *others, *lines),
        cosigned("with-half-of-another-witness", others[1], *lines),
    ]
    for vector in good:
        vector["time_seconds"] = TIME_SECONDS + 2
    two, one = cosigned("keys-of-two-witnesses", *lines), cosigned("keys-of-one-type", *lines)
    two["vkeys"] = [WITNESS.vkeys()[0], cosigner("south").vkeys()[1]]
    one["vkeys"] = [WITNESS.vkeys()[1], WITNESS.vkeys()[1]]
    bad = [
        {**cosigned("no-line", *others), "code": "cosignature-missing"},
        {**cosigned("stripped-ed25519-line", lines[1]), "code": "half-signature"},
        {**cosigned("stripped-mldsa-line", lines[0]), "code": "half-signature"},
        {**two, "code": "vkey-refused"},
        {**one, "code": "vkey-refused"},
        *({**vector, "code": "cosignature-refused"} for vector in bad_cosignatures(lines)),
    ]
    write("cosignature", "checkpoint", good, bad)


def cosigned(name: str, *lines: NoteSignature, text: bytes = HEAD.body()) -> Case:
    return {"name": name, "vkeys": list(WITNESS.vkeys()), "note": format_note(Note(text, lines)).decode()}


def bad_cosignatures(lines: tuple[NoteSignature, NoteSignature]) -> list[Case]:
    ed25519, mldsa44 = lines
    again = WITNESS.cosign(HEAD, time_seconds=TIME_SECONDS + 3)
    renamed = Cosigner("renamed.example", WITNESS.ed25519_seed, WITNESS.mldsa44_seed)
    moved = [
        NoteSignature(WITNESS.name, parse_vkey(vkey).key_id, line.signature)
        for vkey, line in zip(
            WITNESS.vkeys(), renamed.cosign(HEAD, time_seconds=TIME_SECONDS + 2), strict=True
        )
    ]
    swapped = (with_bytes(ed25519, mldsa44.signature), with_bytes(mldsa44, ed25519.signature))
    faults: dict[str, tuple[NoteSignature, ...]] = {
        "two-ed25519-lines": (ed25519, again[0], mldsa44),
        "two-mldsa-lines": (ed25519, mldsa44, again[1]),
        "same-line-twice": (ed25519, mldsa44, mldsa44),
        "two-times": (ed25519, again[1]),
        "altered-ed25519-time": (with_time(ed25519, TIME_SECONDS + 3), mldsa44),
        "altered-mldsa-time": (ed25519, with_time(mldsa44, TIME_SECONDS + 3)),
        "altered-both-times": (with_time(ed25519, TIME_SECONDS + 3), with_time(mldsa44, TIME_SECONDS + 3)),
        "time-of-zero": (with_time(ed25519, 0), with_time(mldsa44, 0)),
        "time-beyond-2-63": (with_time(ed25519, 2**63), with_time(mldsa44, 2**63)),
        "altered-ed25519-line": (flipped(ed25519), mldsa44),
        "altered-mldsa-line": (ed25519, flipped(mldsa44)),
        "short-ed25519-line": (with_bytes(ed25519, ed25519.signature[:-1]), mldsa44),
        "line-that-is-only-a-time": (ed25519, with_bytes(mldsa44, mldsa44.signature[:8])),
        "swapped-lines": swapped,
        "signed-under-another-name": tuple(moved),
        "untimed-ed25519-line": (
            with_bytes(ed25519, ed25519.signature[:8] + LOG._ed25519.sign(HEAD.body())),
            mldsa44,
        ),
    }
    elsewhere = Checkpoint(ORIGIN, HEAD.size + 1, HEAD.root).body()
    extended = HEAD.body() + b"extension\n"
    return [
        *(cosigned(name, *added) for name, added in faults.items()),
        cosigned("another-size", *lines, text=elsewhere),
        cosigned("extension-line", *lines, text=extended),
    ]


def with_bytes(line: NoteSignature, signature: bytes) -> NoteSignature:
    return NoteSignature(line.name, line.key_id, signature)


def with_time(line: NoteSignature, time_seconds: int) -> NoteSignature:
    return with_bytes(line, time_seconds.to_bytes(8, "big") + line.signature[8:])


def flipped(line: NoteSignature) -> NoteSignature:
    return with_bytes(line, line.signature[:40] + bytes([line.signature[40] ^ 1]) + line.signature[41:])


# Cards.

TERM = {"issued_at": "2026-01-01T00:00:00.000Z", "expires_at": "2028-01-01T00:00:00.000Z"}


def card_of(who: str, **changes: Any) -> Card:
    fields = {
        "role": Role.WITNESS,
        "name": cosigner(who).name,
        "organisation": f"{who}.example",
        "region": f"{who}-region",
        "cloud": f"{who}-cloud",
        "operator": "operator.example",
        "vkeys": cosigner(who).vkeys(),
        **TERM,
    }
    return Card(**fields | changes)


def make_cards() -> None:
    log = card_of("clinic", role=Role.LOG, name=ORIGIN, vkeys=LOG.vkeys())
    good: list[Case] = []
    for name, card, key in (
        ("witness", card_of("north"), WITNESS),
        ("notary", card_of("north", role=Role.NOTARY), WITNESS),
        ("log", log, LOG),
    ):
        data = sign_card(card, key)
        fields = {k: v for k, v in read_jws(data).payload.items() if k not in ("v", "format", "keys")}
        good.append({"name": name, "id": card_id(data), "fields": fields, "card": data.decode()})
    write("card", "witness-cards", good, bad_cards(good[0]["card"]))


def bad_cards(good: str) -> list[Case]:
    jws, payload = json.loads(good), read_jws(good.encode()).payload
    one, two = jws["signatures"]
    south = cosigner("south")
    stolen = payload | {"keys": list(south.signing_key.public.thumbprints())}
    flipped_two = base64url.decode(two["signature"])
    broken = two | {"signature": base64url.encode(bytes([flipped_two[0] ^ 1]) + flipped_two[1:])}
    moved = base64url.encode(canonical.encode(payload | {"region": "elsewhere"}))
    faults: dict[str, dict[str, object]] = {
        "another-format": {"format": "telesphor-witness-card/2"},
        "another-version": {"v": 2},
        "unknown-role": {"role": "judge"},
        "log-with-the-keys-of-a-witness": {"role": "log"},
        "unknown-member": {"country": "fi"},
        "name-that-is-not-in-the-keys": {"name": "south.example/witness"},
        "keys-in-other-order": {"vkeys": payload["vkeys"][::-1]},
        "one-key-twice": {"vkeys": payload["vkeys"][:1] * 2},
        "three-keys": {"vkeys": [*payload["vkeys"], payload["vkeys"][1]]},
        "upper-case-organisation": {"organisation": "North.example"},
        "organisation-with-space": {"organisation": "north example"},
        "empty-region": {"region": ""},
        "cloud-that-ends-in-a-dot": {"cloud": "cloud."},
        "operator-of-65-characters": {"operator": "o" * 65},
        "no-term": {"expires_at": payload["issued_at"]},
        "term-backwards": {"issued_at": payload["expires_at"], "expires_at": payload["issued_at"]},
        "term-of-six-years": {"expires_at": "2032-01-01T00:00:00.000Z"},
        "instant-without-milliseconds": {"issued_at": "2026-01-01T00:00:00Z"},
    }
    cases = {name: sign_jws(payload | more, WITNESS.signing_key) for name, more in faults.items()}
    short = {name: value for name, value in payload.items() if name != "operator"}
    cases["missing-member"] = sign_jws(short, WITNESS.signing_key)
    cases["signed-by-other-keys"] = sign_jws(stolen, south.signing_key)
    cases["altered-payload"] = canonical.encode(jws | {"payload": moved})
    cases["altered-mldsa-signature"] = canonical.encode(jws | {"signatures": [one, broken]})
    cases["white-space"] = good.encode() + b"\n"
    bad = [{"name": n, "code": "witness-card-refused", "card": d.decode()} for n, d in cases.items()]
    for name, kept in (("stripped-ed25519-half", two), ("stripped-mldsa-half", one)):
        half = canonical.encode(jws | {"signatures": [kept]}).decode()
        bad.append({"name": name, "code": "half-signature", "card": half})
    bad.append({"name": "too-large", "code": "limit-exceeded", "card": good + " " * 16_384})
    return bad


# Trust policies.


def make_policies() -> None:
    names = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
    keys = {name: cosigner(name).vkeys()[0] for name in names}
    witnesses = [f"witness {name} {keys[name]}" for name in names]
    log, a = f"log {LOG.vkeys()[0]}", witnesses[0].replace("X1", "a", 1)

    def case(name: str, *lines: str, **more: object) -> Case:
        return {"name": name, **more, "policy": "".join(f"{line}\n" for line in lines)}

    groups = (
        "group X-witnesses 2 X1 X2 X3",
        "group Y-witnesses any Y1 Y2 Y3",
        "group X-and-Y all X-witnesses Y-witnesses",
    )
    hybrid = [
        f"witness w-{n} {vkey}" for n, vkey in zip(("ed25519", "mldsa44"), WITNESS.vkeys(), strict=True)
    ]
    good = [
        case(
            "example-of-the-specification", log, "", *witnesses[:3], groups[0], "", *witnesses[3:], *groups[1:],
            "quorum X-and-Y", quorum="X-and-Y",
            met_by=[["X1", "X2", "Y1"], ["X2", "X3", "Y3"], list(names)],
            not_met_by=[[], ["X1", "X2"], ["X1", "X2", "X3"], ["X1", "Y1", "Y2", "Y3"], ["Y1"]],
        ),
        case(
            "hybrid-witness", *(f"log {vkey}" for vkey in LOG.vkeys()), *hybrid,
            "group w all w-ed25519 w-mldsa44", "quorum w", quorum="w",
            met_by=[["w-ed25519", "w-mldsa44"]], not_met_by=[["w-ed25519"], ["w-mldsa44"]],
        ),
        case("one-witness", a, "quorum a", quorum="a", met_by=[["a"]], not_met_by=[[]]),
        case("nobody", "quorum none", quorum="none", met_by=[[]], not_met_by=[]),
        case(
            "white-space-comments-and-urls", "# ours", " \t", f"  {log}\thttps://ledger.example/ ",
            f"{a} https://witness.example/", "\tgroup g  any\ta", "quorum g ", quorum="g",
            met_by=[["a"]], not_met_by=[[]],
        ),
    ]  # fmt: skip
    write(
        "policy",
        "levels",
        good,
        [case(n, *lines, code="policy-refused") for n, lines in bad_policies(a).items()],
    )


def bad_policies(a: str) -> dict[str, tuple[str, ...]]:
    key = a.split(" ")[2]
    renamed = Cosigner("renamed.example", cosigner("X1").ed25519_seed, seed("other")).vkeys()[0]
    log = LOG.vkeys()[0]
    return {
        "no-quorum": (a,),
        "two-quorums": ("quorum none", "quorum none"),
        "quorum-of-nobody-known": (a, "quorum b"),
        "quorum-before-its-definition": ("quorum a", a),
        "unknown-keyword": ("monitor m", "quorum none"),
        "upper-case-keyword": ("QUORUM none",),
        "witness-without-key": ("witness a", "quorum a"),
        "key-that-is-none": ("witness a hello", "quorum a"),
        "witness-with-the-key-of-a-log": (f"witness a {log}", "quorum a"),
        "log-with-the-key-of-a-witness": (f"log {key}", "quorum none"),
        "log-twice": (f"log {log}", f"log {log}", "quorum none"),
        "witness-twice": (a, a.replace(" a ", " b "), "quorum a"),
        "one-key-under-two-names": (a, f"witness b {renamed}", "quorum a"),
        "name-twice": (a, f"witness a {cosigner('X2').vkeys()[0]}", "quorum a"),
        "witness-named-none": (f"witness none {key}", "quorum none"),
        "group-named-as-a-witness": (a, "group a any a", "quorum a"),
        "group-without-members": (a, "group g any", "quorum a"),
        "group-of-none": (a, "group g any none", "quorum g"),
        "group-of-itself": (a, "group g any g", "quorum g"),
        "group-before-its-members": ("group g any a", a, "quorum g"),
        "member-twice-in-a-group": (a, "group g any a a", "quorum g"),
        "member-of-two-groups": (a, "group g any a", "group h any a", "quorum h"),
        "threshold-of-zero": (a, "group g 0 a", "quorum g"),
        "threshold-above-members": (a, "group g 2 a", "quorum g"),
        "threshold-that-is-no-number": (a, "group g most a", "quorum g"),
        "carriage-return": ("quorum none\r",),
        "vertical-tab": ("quorum\x0bnone",),
    }


# Levels.

ANCHOR = {
    "network": "bitcoin-mainnet",
    "height": 900_000,
    "time_seconds": TIME_SECONDS + 3600,
    "confirmations": 6,
    "proves_time": True,
    "pinned": True,
    "sentence": "dated by block 900000",
}
LEVEL_CARDS = {
    "log": card_of("clinic", role=Role.LOG, name=ORIGIN, vkeys=LOG.vkeys()),
    "north": card_of("north"),
    "south": card_of("south"),
    "east": card_of("east"),
    "east-of-north": card_of("east", organisation="north.example"),
    "east-expired": card_of("east", expires_at="2026-06-01T00:00:00.000Z"),
    "clinic": card_of("own", organisation="clinic.example"),
    "notary": card_of("notary", role=Role.NOTARY),
    "notary-of-north": card_of("notary", role=Role.NOTARY, organisation="north.example"),
}


def make_levels() -> None:
    cards = {}
    for name, card in LEVEL_CARDS.items():
        own = name.split("-")[0] if name != "clinic" else "own"
        cards[name] = sign_card(card, LOG if name == "log" else cosigner(own)).decode()
    bad = [{"name": n, "code": "levels-refused", "policy": text} for n, text in bad_levels().items()]
    write("levels", "levels", [*cases_of_signers(), *cases_of_anchors()], bad, cards=cards)


THREE = [["north", TIME_SECONDS + 1], ["south", TIME_SECONDS + 3], ["east", TIME_SECONDS + 2]]
JUDGE = ["notary", TIME_SECONDS + 5]
LEVEL_TIMES = [TIME_SECONDS, TIME_SECONDS + 3, TIME_SECONDS + 3, TIME_SECONDS + 5, TIME_SECONDS + 3600]


def level_case(name: str, level: int, signed: list[Any], *anchors: Any, **more: Any) -> Case:
    whole = {"policy": DEFAULT_LEVELS, "log": "log", "log_time_seconds": TIME_SECONDS, "cosigned": signed}
    verdict = {"level": level, "at_seconds": LEVEL_TIMES[:level]}
    return {"name": name, **verdict, **whole, "anchors": list(anchors), **more}


def cases_of_signers() -> list[Case]:
    case, three, two, notary = level_case, THREE, THREE[:2], JUDGE
    pins = "".join(f"[[witness]]\nvkeys = {json.dumps(cosigner(n).vkeys())}\n" for n in ("north", "south"))
    return [
        case("signed-by-its-log", 1, [], ANCHOR),
        case("anchored", 5, [*three, notary], ANCHOR),
        case("anchored-in-any-order", 5, [notary, *three[::-1]], ANCHOR),
        case("notarised", 4, [*three, notary]),
        case("diverse", 3, three, ANCHOR),
        case("two-of-three-validators", 1, [*two, notary], ANCHOR),
        case("same-validator-three-times", 1, [three[0]] * 3),
        case("two-organisations-of-three", 2, [*two, ["east-of-north", TIME_SECONDS + 2], notary], ANCHOR),
        case("one-key-under-two-cards", 1, [*three, ["east-of-north", TIME_SECONDS + 2], notary], ANCHOR),
        case("expired-card", 1, [*two, ["east-expired", TIME_SECONDS + 2]]),
        case("replaced-card-beside-the-one-in-force", 3, [*three, ["east-expired", TIME_SECONDS + 2]]),
        case("witness-of-the-logs-organisation", 1, [*two, ["clinic", TIME_SECONDS + 2]]),
        case("no-card-of-the-log", 1, [*three, notary], ANCHOR, log=None),
        case("cosignature-before-the-log", 1, [*two, ["east", TIME_SECONDS - 301]]),
        case("cosignature-a-year-later", 1, [*two, ["east", TIME_SECONDS + 366 * 86400 + 1]]),
        case("notary-of-a-needed-organisation", 3, [*three, ["notary-of-north", TIME_SECONDS + 5]], ANCHOR),
        case("notary-before-the-validators", 3, [*three, ["notary", TIME_SECONDS - 58]], ANCHOR),
        case("witness-that-is-not-pinned", 1, [*three, notary], ANCHOR, policy=DEFAULT_LEVELS + pins),
    ]


def cases_of_anchors() -> list[Case]:
    """All of a checkpoint that reaches L4, with one anchor."""
    regtest = ANCHOR | {"network": "bitcoin-regtest", "proves_time": False}
    ethereum = ANCHOR | {"network": "ethereum-1", "proves_time": False, "pinned": False}

    def case(name: str, level: int, anchor: dict[str, Any], *, asked: str = "ethereum-1") -> Case:
        return level_case(name, level, [*THREE, JUDGE], anchor, policy=asking(asked))

    return [
        case("anchor-too-shallow", 4, ANCHOR | {"confirmations": 5}),
        case("anchor-in-a-chain-not-asked", 4, regtest),
        case("anchor-in-regtest-that-is-asked", 5, regtest, asked="bitcoin-regtest"),
        case("anchor-in-bitcoin-without-pin", 5, ANCHOR | {"pinned": False}),
        case("anchor-in-ethereum-without-pin", 4, ethereum),
        case("anchor-in-ethereum-with-pin", 5, ethereum | {"proves_time": True, "pinned": True}),
        *(
            case(f"anchor-in-{network}-without-pin", level, ethereum | {"network": network}, asked=network)
            for network, level in (("ethereum-11155111", 4), ("ethereum-31337", 5))
        ),
    ]


def asking(network: str) -> str:
    """The shipped policy, with this network in the place of `ethereum-1`."""
    assert '"ethereum-1"' in DEFAULT_LEVELS
    return DEFAULT_LEVELS.replace('"ethereum-1"', f'"{network}"')


def bad_levels() -> dict[str, str]:
    def without(old: str, new: str = "") -> str:
        assert old in DEFAULT_LEVELS
        return DEFAULT_LEVELS.replace(old, new)

    north = json.dumps(WITNESS.vkeys())
    header = '[[pin]]\nnetwork = "bitcoin-mainnet"\nheight = 1\nhash = "'
    return {
        "not-toml": "validators",
        "another-format": without("telesphor-levels/1", "telesphor-levels/2"),
        "no-format": without('format = "telesphor-levels/1"'),
        "zero-validators": without("validators = 3", "validators = 0"),
        "fifty-validators": without("validators = 3", "validators = 50"),
        "validators-that-are-true": without("validators = 3", "validators = true"),
        "validators-that-are-text": without("validators = 3", 'validators = "3"'),
        "validators-that-are-a-fraction": without("validators = 3", "validators = 3.0"),
        "no-validators": without("validators = 3"),
        "zero-regions": without("regions = 2", "regions = 0"),
        "no-operators": without("operators = 1"),
        "no-notary": without("[notary]\nat_least = 1"),
        "zero-anchors": without("[anchors]\nat_least = 1", "[anchors]\nat_least = 0"),
        "more-anchors-than-networks": without("[anchors]\nat_least = 1", "[anchors]\nat_least = 3"),
        "zero-confirmations": without("confirmations = 6", "confirmations = 0"),
        "no-networks": without('["bitcoin-mainnet", "ethereum-1"]', "[]"),
        "unknown-network": without('"ethereum-1"', '"dogecoin"'),
        "network-twice": without('"ethereum-1"', '"bitcoin-mainnet"'),
        "unknown-member": without("regions = 2", "regions = 2\ncountries = 1"),
        "unknown-table": DEFAULT_LEVELS + "[wishes]\n",
        "name-with-dots": without("validators = 3", "validators.a = 3"),
        "text-over-lines": without('"telesphor-levels/1"', '"""telesphor-levels/1"""'),
        "witness-without-key": DEFAULT_LEVELS + "[[witness]]\n",
        "witness-with-one-key": DEFAULT_LEVELS + f'[[witness]]\nvkeys = ["{WITNESS.vkeys()[0]}"]\n',
        "witness-with-keys-and-card": DEFAULT_LEVELS
        + f'[[witness]]\nvkeys = {north}\ncard = "sha256:{"0" * 64}"\n',
        "witness-twice": DEFAULT_LEVELS + f"[[witness]]\nvkeys = {north}\n" * 2,
        "pin-without-hash": DEFAULT_LEVELS + header[:-8],
        "pin-with-0x": DEFAULT_LEVELS + header + "0x" + "0" * 64 + '"\n',
        "two-pins-of-one-height": DEFAULT_LEVELS + "".join(f'{header}{n * 64}"\n' for n in "01"),
    }


if __name__ == "__main__":
    make_cosignatures()
    make_cards()
    make_policies()
    make_levels()
