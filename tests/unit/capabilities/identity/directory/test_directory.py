"""The file of names: sealed, each to its own person, and gone without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.capabilities.identity.directory.directory import Directory
from telesphor.capabilities.identity.directory.model import NamedPerson, NameRefused, fold_name
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.sealing import RecipientKey
from telesphor.runtime.database import open_database

IDS = IdSource(ManualClock(1_795_348_275_123))
ONE, OTHER = IDS.next(), IDS.next()
KEY = RecipientKey.generate()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    directory = Directory(tmp_path / "people.sqlite", KEY)
    yield directory
    directory.close()


def test_name_is_there_after_a_restart(directory: Directory, tmp_path: Path) -> None:
    directory.set_name(ONE, "Ana María Núñez")
    again = Directory(tmp_path / "people.sqlite", KEY)
    assert again.names_of([ONE, OTHER]) == {ONE: "Ana María Núñez"}
    again.close()


def test_nothing_of_a_destroyed_name_is_left_in_any_file(directory: Directory, tmp_path: Path) -> None:
    directory.set_name(ONE, "Ana")
    db = open_database(tmp_path / "people.sqlite")
    ((sealed,),) = db.execute("SELECT sealed FROM names")
    db.close()
    directory.forget(ONE)
    assert directory.name_of(ONE) is None
    for file in tmp_path.iterdir():
        assert sealed[:64] not in file.read_bytes(), file.name


def test_name_that_was_put_under_another_person_does_not_open(directory: Directory, tmp_path: Path) -> None:
    directory.set_name(ONE, "Ana")
    directory.close()
    db = open_database(tmp_path / "people.sqlite")
    db.execute("UPDATE names SET actor = ?", (OTHER,))
    db.close()
    again = Directory(tmp_path / "people.sqlite", KEY)
    assert again.names_of([ONE, OTHER]) == {}
    again.close()


def test_length_of_a_sealed_name_tells_little(directory: Directory, tmp_path: Path) -> None:
    directory.set_name(ONE, "Bo")
    directory.set_name(OTHER, "Wolfeschlegelsteinhausenbergerdorff")
    db = open_database(tmp_path / "people.sqlite")
    assert len({len(sealed) for (sealed,) in db.execute("SELECT sealed FROM names")}) == 1
    db.close()


def test_search_takes_beginnings_of_words_whatever_their_accents(directory: Directory) -> None:
    directory.set_name(ONE, "Ana María Núñez")
    directory.set_name(OTHER, "Mario Bianchi")
    assert directory.search("nun MARI", count_max=9) == [NamedPerson(ONE, "Ana María Núñez")]
    assert len(directory.search("mari", count_max=9)) == 2
    assert len(directory.search("mari", count_max=1)) == 1
    assert directory.search("aria", count_max=9) == []


def test_name_that_does_not_show_is_refused(directory: Directory) -> None:
    for name in ("", " \t ", "\u202eanA", "a\x07b", "x" * 201, "\ue000"):
        with pytest.raises(NameRefused):
            directory.set_name(ONE, name)


def test_name_of_a_person_stands_in_no_repr() -> None:
    assert "Ana" not in repr(NamedPerson(ONE, "Ana"))
    assert fold_name("ÁNA") == "ana"
