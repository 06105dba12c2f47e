"""The words of consents that ship, in English and Spanish. An organisation sets its own in their place.

INVARIANT: a text that was ever in force is never changed here: it would be another text, under another digest.

Start at `SHIPPED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from telesphor.capabilities.visits.consents.model import Consent
from telesphor.kernel.digest import Digest, digest_of

_VISIT_EN: Final = (
    "I agree to be seen by video. The visit has the limits of video: the clinician cannot touch or examine me as in a"
    " room, and may ask me to come in person. Picture and sound are encrypted on the participants' own devices; the"
    " clinic keeps a record that the visit took place, who took part and when. I can leave at any time, and taking this"
    " back does not affect my other care. In an emergency I call the emergency number instead."
)
_VISIT_ES: Final = (
    "Acepto que me atiendan por video. La consulta tiene los límites del video: el profesional no puede tocarme ni"
    " examinarme como en persona, y puede pedirme que acuda al centro. La imagen y el sonido se cifran en los"
    " dispositivos de los participantes; el centro conserva constancia de que la consulta tuvo lugar, de quién"
    " participó y de cuándo. Puedo salir en cualquier momento, y retirar este consentimiento no afecta al resto de mi"
    " atención. En una emergencia llamo al número de emergencias."
)
_RECORDING_EN: Final = (
    "I agree that this visit is recorded, with picture and sound. The recording is encrypted and becomes part of the"
    " patient's record; only the patient and those who treat the patient in this visit can open it, and each time is"
    " noted. When I take this back, the recording stops at once; what was recorded until then is kept."
)
_RECORDING_ES: Final = (
    "Acepto que esta consulta se grabe, con imagen y sonido. La grabación se cifra y pasa a formar parte del historial"
    " del paciente; solo pueden abrirla el paciente y quienes lo atienden en esta consulta, y cada vez queda"
    " anotada. Si retiro este consentimiento, la grabación se detiene de inmediato; lo grabado hasta entonces se"
    " conserva."
)
_SHARING_EN: Final = (
    "I agree that somebody besides the clinicians takes part in this visit and hears what is said in it, such as an"
    " interpreter or a person who cares for me. When I take this back, they are out of the room at once."
)
_SHARING_ES: Final = (
    "Acepto que, además de los profesionales, otra persona participe en esta consulta y oiga lo que se dice en ella,"
    " por ejemplo un intérprete o alguien que me cuida. Si retiro este consentimiento, sale de la sala de inmediato."
)


class Shipped(NamedTuple):
    """One text that ships."""

    consent: Consent
    language: str
    digest: Digest
    text: str


def _ship(consent: Consent, language: str, text: str) -> Shipped:
    return Shipped(consent, language, digest_of(text.encode()), text)


_ALL: Final = (
    _ship(Consent.VISIT, "en", _VISIT_EN),
    _ship(Consent.VISIT, "es", _VISIT_ES),
    _ship(Consent.RECORDING, "en", _RECORDING_EN),
    _ship(Consent.RECORDING, "es", _RECORDING_ES),
    _ship(Consent.SHARING, "en", _SHARING_EN),
    _ship(Consent.SHARING, "es", _SHARING_ES),
)

SHIPPED: Final[Mapping[tuple[Consent, str], Shipped]] = {(one.consent, one.language): one for one in _ALL}
"""By kind and language."""
