"""Verifying an answer: what it shows, or why it is refused. Costs milliseconds, so it is done before the writer.

An answer has some presentations of credentials. Each is verified under its issuer's pair, and bound by its holder to
the request's nonce and audience; together they show exactly the factors that are needed and asked for. What can
change between here and the writer (issuers, status, the holder's keys, the request itself) the writer asks again.

Start at `verify_response`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.issuers import require_status, vouched_factors
from telesphor.capabilities.identity.credentials.model import Credential, CredentialHead, Factor
from telesphor.capabilities.identity.credentials.refusals import HolderMismatch
from telesphor.capabilities.identity.credentials.standing import ResolvedIssuer
from telesphor.capabilities.identity.presentations.model import (
    CREDENTIALS_MAX,
    FactorNotAccepted,
    FactorNotShown,
    FactorNotVouched,
    FactorRepeated,
    FactorSuperfluous,
    FactorWanted,
    GroupMismatch,
    PresentationRequest,
    PresentedFactor,
    RequestMismatch,
    Response,
    ResponseRefused,
    ShownCredential,
)
from telesphor.kernel.digest import Digest, digest_of

ResolveIssuer = Callable[[CredentialHead], ResolvedIssuer]
"""Whose keys must have signed a credential; refuses one whose word counts for nothing here."""


class Shown(NamedTuple):
    """What an answer shows.

    Attributes:
        holder: actor id of who answers, as it says.
        keys: key id of the pair that bound it all.
        lists: the status lists that were looked at, by their addresses.
    """

    holder: str
    keys: str
    credentials: tuple[ShownCredential, ...]
    lists: Mapping[str, bytes]

    @property
    def factors(self) -> tuple[str, ...]:
        """The names of all that is shown, as `group.name`."""
        return tuple(f"{factor.group}.{factor.name}" for factor in _factors(self.credentials))


def verify_response(
    response: Response, *, request: PresentationRequest, resolve: ResolveIssuer, now_ms: int
) -> Shown:
    """Verify an answer to `request`.

    1. It is for this request, and has at most `CREDENTIALS_MAX` presentations.
    2. Each verifies: issuer, both halves; holder, both halves, over this nonce and audience and what is shown.
    3. Each is of the group that it is sent for, and its status is good where another issuer keeps it; no list
       came along that is not needed.
    4. One pair has bound them all.
    5. No factor is shown twice or unasked, all that are needed are there, vouched for and of accepted values.

    Raises:
        RequestMismatch, ResponseRefused, GroupMismatch, FactorRepeated, FactorSuperfluous, FactorNotShown,
        FactorNotVouched, FactorNotAccepted, HolderMismatch, and what credentials refuse.
    """
    if response.presentation != request.presentation:
        raise RequestMismatch("the answer is to another request")
    sent = [(group, text) for group, texts in response.vp_token.items() for text in texts]
    if len(sent) > CREDENTIALS_MAX:
        raise ResponseRefused(f"an answer has at most `{CREDENTIALS_MAX}` presentations")
    verification = _Verification(response, request, resolve, now_ms)
    credentials = tuple(verification.verify(group, text) for group, text in sent)
    if len(verification.lists) != len(response.status_lists):
        raise ResponseRefused("a status list came along that no credential needs")
    if len(verification.holders) != 1:
        raise HolderMismatch("the credentials are of more than one holder")
    check_wanted(credentials, request.wanted)
    return Shown(response.holder, verification.holders.pop(), credentials, verification.lists)


def check_wanted(credentials: Sequence[ShownCredential], wanted: Sequence[FactorWanted]) -> None:
    """Step 5; raises as `verify_response`. INVARIANT: no message holds a value."""
    asked = {factor.factor: factor for factor in wanted}
    seen: set[str] = set()
    for factor in _factors(credentials):
        name = f"{factor.group}.{factor.name}"
        if name not in asked:
            raise FactorSuperfluous("a factor is shown that the request does not ask for")
        if name in seen:
            raise FactorRepeated(f"the factor `{name}` is shown twice")
        seen.add(name)
        _check_factor(factor, asked[name])
    for name, want in asked.items():
        if not want.optional and name not in seen:
            raise FactorNotShown(f"the factor `{name}` is needed and was not shown")


def _check_factor(factor: PresentedFactor, want: FactorWanted) -> None:
    if want.vouched == "issuer" and factor.vouched != "issuer":
        raise FactorNotVouched(
            f"the factor `{want.factor}` is the holder's own word", hint="an issuer has to vouch for it"
        )
    if want.accepted and factor.value not in want.accepted:
        raise FactorNotAccepted(f"the factor `{want.factor}` does not have a value that is accepted")


class _Verification:
    """One answer while it is verified; `holders` are the pairs that bound its presentations."""

    def __init__(
        self, response: Response, request: PresentationRequest, resolve: ResolveIssuer, now_ms: int
    ) -> None:
        self.holders: set[str] = set()
        self.lists: dict[str, bytes] = {}
        self._given = response.status_lists
        self._request = request
        self._resolve = resolve
        self._now_ms = now_ms

    def verify(self, group: str, text: str) -> ShownCredential:
        """Steps 2 and 3 for one presentation."""
        data = text.encode()
        head = sd_jwt.read_head(data)
        if head.group != group:
            raise GroupMismatch("a credential is of another group than it was sent for")
        issuer = self._resolve(head)
        request = self._request
        presented = sd_jwt.verify_presentation(
            data, issuer=issuer.key, nonce=request.nonce, audience=request.audience, now_ms=self._now_ms
        )
        credential = presented.credential
        if not credential.factors:
            raise FactorSuperfluous("a credential is shown without any factor of it")
        self.holders.add(credential.holder.key_id)
        status_list, until_ms = self._check_status(credential, issuer)
        return ShownCredential(
            digest=credential.digest,
            group=credential.group,
            issuer=credential.issuer,
            keys=head.keys,
            own_word=issuer.is_holder,
            status_list=status_list,
            expires_ms=min(until_ms, credential.expires_ms),
            factors=tuple(
                _factor(credential, issuer, factor) for factor in vouched_factors(credential, issuer)
            ),
        )

    def _check_status(self, credential: Credential, issuer: ResolvedIssuer) -> tuple[Digest | None, int]:
        """The list by which the credential holds, and until when; none where this ledger has its status."""
        if issuer.own:
            return None, credential.expires_ms
        text = self._given.get(credential.status.uri) if credential.status is not None else None
        data = None if text is None else text.encode()
        found = require_status(credential, issuer, data, now_ms=self._now_ms)
        if found is None or data is None:
            return None, credential.expires_ms
        self.lists[found.uri] = data
        return digest_of(data), found.expires_ms


def _factor(credential: Credential, issuer: ResolvedIssuer, factor: Factor) -> PresentedFactor:
    return PresentedFactor(
        group=credential.group,
        name=factor.name,
        value=factor.text,
        issuer=issuer.name,
        verified_at=factor.vouching.verified_at,
        vouched=factor.vouching.vouched,
        vouched_by=factor.vouching.vouched_by,
    )


def _factors(credentials: Sequence[ShownCredential]) -> Iterator[PresentedFactor]:
    for credential in credentials:
        yield from credential.factors
