"""The verifier's page without any server: kept by the service worker, it judges a proof after the node has stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from telesphor.runtime.serving import serving
from tests.e2e.browser.album import PHONE
from tests.e2e.browser.house import House, Person, open_house, reason_to_skip
from tests.e2e.test_browsers import begin
from tests.e2e.test_visits import Clinic
from tests.support.staff import appointment

pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it can be tried")

KEPT = (
    "async () => { await navigator.serviceWorker.ready; return navigator.serviceWorker.controller !== null; }"
)
ALTERED_AT = 0.5


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("offline")) as house:
        yield house


@pytest.fixture(scope="module")
def bundle(house: House) -> bytes:
    """The proof of a visit that was called off."""
    node = house.node
    clinic = Clinic(house.cast, node.clinician, begin(node, node.clinician))
    appointed = node.sign(house.cast.hospital, *appointment(node.ids, node.clinician.actor))
    assert node.post(appointed).status == 200
    visit, _ = clinic.invite()
    answer = clinic.ask(node.clinician, visit, ("end", {"outcome": "cancelled"}), ("close", {}))
    assert answer.status == 200, answer.body
    exported = clinic.ask(node.clinician, visit, ("export", {})).json()["results"][0]
    bearer = {"authorization": f"Bearer {exported['ticket']}"}
    return node.ask("GET", exported["path"], headers=bearer).body


@pytest.fixture(scope="module")
def stranded(house: House) -> Person:
    """Somebody on the verifier's page, whose server is gone."""
    person = house.person("Auditor", size=PHONE, offline=True)
    with serving(house.node.node.edge()) as url:
        person.page.goto(f"{url}/#/verify")
        person.sees("Drop a proof here")
        person.ask(KEPT)
    person.page.reload()
    person.sees("Drop a proof here")
    return person


def choose(person: Person, bundle: bytes) -> None:
    file = {"name": "proof.zip", "mimeType": "application/zip", "buffer": bundle}
    person.page.locator("input[type=file]").first.set_input_files(file)


def test_proof_is_judged_when_the_server_is_gone(stranded: Person, bundle: bytes) -> None:
    choose(stranded, bundle)
    stranded.page.get_by_role("heading", name=re.compile("Genuine|agrees with itself")).wait_for()
    stranded.look("verify-offline")
    assert stranded.house.findings == []


def test_altered_proof_is_not_genuine_there_either(stranded: Person, bundle: bytes) -> None:
    at = int(len(bundle) * ALTERED_AT)
    altered = bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]
    stranded.page.reload()
    stranded.sees("Drop a proof here")
    choose(stranded, altered)
    stranded.page.get_by_role("heading", name=re.compile("^Not (genuine|accepted)")).wait_for()
    stranded.look("verify-not-genuine")
    assert stranded.house.broken() == []
