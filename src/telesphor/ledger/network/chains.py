"""The public chains that a node's settings name, each ready to date a checkpoint. Start at `open_chains`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock
from telesphor.kernel.keyfile import KEYFILE_BYTES_MAX, open_keyfile
from telesphor.kernel.level_policy import AnchorRule
from telesphor.ledger.anchors.bitcoin.calendars import Calendars
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.own import OwnTransactions
from telesphor.ledger.anchors.bitcoin.rpc import BitcoinRpc
from telesphor.ledger.anchors.ethereum.chain import EthereumChain, EthereumTerms
from telesphor.ledger.anchors.ethereum.fees import GWEI
from telesphor.ledger.anchors.model import Chain
from telesphor.runtime.network import BitcoinSettings, EthereumSettings, NetworkSettings
from telesphor.runtime.settings import SettingsRefused


def open_chains(
    settings: NetworkSettings,
    *,
    rule: AnchorRule,
    folder: Path,
    passphrase: bytes,
    clock: Clock,
    random: Callable[[int], bytes],
) -> tuple[Chain, ...]:
    """One chain for each section of the settings.

    Args:
        rule: what the node's own policy asks of anchors.

    Raises:
        SettingsRefused: a file that a section names cannot be read, or anchors would be final too soon.
        WrongPassphrase, KeyfileRefused, and the refusals of each chain.
    """
    chains: list[Chain] = []
    for name, section in (("bitcoin", settings.bitcoin), ("ethereum", settings.ethereum)):
        if section is not None and section.network in rule.networks:
            _check_depth(name, section.confirmations, rule)
    if settings.bitcoin is not None:
        chains.append(_bitcoin(settings.bitcoin, folder=folder, random=random))
    if settings.ethereum is not None:
        chains.append(_ethereum(settings.ethereum, folder=folder, passphrase=passphrase, clock=clock))
    return tuple(chains)


def _check_depth(name: str, confirmations: int, rule: AnchorRule) -> None:
    """What is final is not looked at again: it would stay below what the policy asks for, for ever."""
    if confirmations < rule.confirmations:
        raise SettingsRefused(
            f"`{name}.confirmations` is `{confirmations}`, and the levels ask for `{rule.confirmations}`",
            hint="set it to as many, or anchors there never count for L5",
        )


def _bitcoin(settings: BitcoinSettings, *, folder: Path, random: Callable[[int], bytes]) -> Chain:
    node = _bitcoin_node(settings, folder=folder)
    if settings.calendars:
        return Calendars(
            settings.network,
            settings.calendars,
            random=random,
            node=node,
            needed=settings.calendars_needed,
            confirmations=settings.confirmations,
        )
    assert node is not None, "the settings name a node where they name no calendars"
    return OwnTransactions(node, fee_max_sats=settings.fee_max_sats, confirmations=settings.confirmations)


def _bitcoin_node(settings: BitcoinSettings, *, folder: Path) -> BitcoinNode | None:
    if settings.node_url is None:
        return None
    credential = folder / settings.credential_file if settings.credential_file else None
    wallet = (
        BitcoinRpc(settings.wallet_url, credential_file=credential)
        if settings.wallet_url is not None
        else None
    )
    return BitcoinNode(
        settings.network, node=BitcoinRpc(settings.node_url, credential_file=credential), wallet=wallet
    )


def _ethereum(settings: EthereumSettings, *, folder: Path, passphrase: bytes, clock: Clock) -> Chain:
    file = folder / settings.key_file
    try:
        with file.open("rb") as source:
            data = source.read(KEYFILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsRefused(
            f"`ethereum.key_file`: `{settings.key_file}` cannot be read",
            hint="make one with `telesphor network ethereum-key`",
        ) from error
    secret = open_keyfile(data, passphrase=passphrase).get("ethereum")
    if not isinstance(secret, str):
        raise SettingsRefused(
            f"`ethereum.key_file`: `{settings.key_file}` holds other keys than those of an Ethereum account",
            hint="make one with `telesphor network ethereum-key`",
        )
    terms = EthereumTerms(confirmations=settings.confirmations, fee_wei_max=settings.fee_gwei_max * GWEI)
    return EthereumChain(
        network=settings.network,
        url=settings.node_url.get_secret_value(),
        secret=base64url.decode(secret),
        clock=clock,
        terms=terms,
    )
