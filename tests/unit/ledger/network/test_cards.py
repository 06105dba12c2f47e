"""The node's own card: kept while it says what is so, made anew when it does not, or soon will not."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.kernel.card import Role, read_card
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.ledger.checkpoints import PublishedCheckpoint
from telesphor.ledger.network.cards import CARD_DAYS, DAY_MS, RENEW_DAYS, own_card, own_log_card
from telesphor.runtime.folder import FolderRefused, NodeFolder
from telesphor.runtime.network import NetworkSettings
from tests.support.witnesses import cosigner, log_signer

SETTINGS = NetworkSettings(organisation="clinic.example", region="eu", cloud="own", operator="clinic.example")
NOW_MS = 1_795_348_275_000


def made(file: Path, *, settings: NetworkSettings = SETTINGS, now_ms: int = NOW_MS) -> bytes:
    return own_card(file, role=Role.LOG, key=log_signer(), settings=settings, clock=ManualClock(now_ms))


def test_card_is_made_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "log.card.json"
    data = made(file)
    assert file.read_bytes() == data
    card = read_card(data)
    assert (card.role, card.name, card.region) == (Role.LOG, log_signer().origin, "eu")
    assert made(file, now_ms=NOW_MS + (CARD_DAYS - RENEW_DAYS) * DAY_MS - 1) == data
    assert [path.name for path in tmp_path.iterdir()] == ["log.card.json"]


def test_card_is_renewed_a_month_before_it_expires(tmp_path: Path) -> None:
    file = tmp_path / "card"
    before = made(file)
    later = made(file, now_ms=NOW_MS + (CARD_DAYS - RENEW_DAYS) * DAY_MS)
    assert later != before
    assert read_card(later).expires_at > read_card(before).expires_at
    assert file.read_bytes() == later


@pytest.mark.parametrize("word", ["organisation", "region", "cloud", "operator"])
def test_card_is_renewed_when_a_setting_changes(tmp_path: Path, word: str) -> None:
    made(tmp_path / "card")
    changed = made(tmp_path / "card", settings=SETTINGS.model_copy(update={word: "elsewhere.example"}))
    assert getattr(read_card(changed), word) == "elsewhere.example"


def test_card_of_other_keys_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "card"
    made(file)
    witness = own_card(file, role=Role.WITNESS, key=cosigner(), settings=SETTINGS, clock=ManualClock(NOW_MS))
    assert read_card(witness).vkeys == cosigner().vkeys()


def test_card_of_the_future_made_under_a_wrong_clock_is_replaced(tmp_path: Path) -> None:
    """It would speak for nothing until then."""
    ahead = made(tmp_path / "card", now_ms=NOW_MS + 100 * DAY_MS)
    assert made(tmp_path / "card") != ahead


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"x" * 100_000])
def test_card_that_cannot_be_read_is_made_again(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "card").write_bytes(data)
    assert read_card(made(tmp_path / "card")).organisation == "clinic.example"


def test_card_that_cannot_be_written_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FolderRefused, match=r"card.json` cannot be written"):
        made(tmp_path / "no-folder" / "card.json")


def test_first_card_of_a_ledger_speaks_for_its_newest_checkpoint(tmp_path: Path) -> None:
    folder, earlier_ms = NodeFolder(tmp_path), NOW_MS - 5 * 60 * 1000
    newest = PublishedCheckpoint(1, earlier_ms, b"")

    data = own_log_card(folder, key=log_signer(), settings=SETTINGS, newest=newest, clock=ManualClock(NOW_MS))

    assert read_card(data).is_in_force(time_seconds=earlier_ms // 1000)


def test_later_card_of_a_ledger_speaks_from_its_making_on(tmp_path: Path) -> None:
    folder, newest = NodeFolder(tmp_path), PublishedCheckpoint(1, NOW_MS - 5 * 60 * 1000, b"")
    moved = SETTINGS.model_copy(update={"region": "eu-north"})
    own_log_card(folder, key=log_signer(), settings=SETTINGS, newest=newest, clock=ManualClock(NOW_MS))

    data = own_log_card(folder, key=log_signer(), settings=moved, newest=newest, clock=ManualClock(NOW_MS))

    assert read_card(data).issued_at == format_instant(NOW_MS)
