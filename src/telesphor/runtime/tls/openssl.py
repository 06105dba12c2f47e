"""The making of pyOpenSSL's contexts, and the few things it does not offer: only this and `records` touch its insides.

OpenSSL's names: groups by `SSL_CTX_set1_groups_list`, whose older name `curves` the binding has; a slash between
two groups means that the first is taken even where the client must be asked again for its share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto

from telesphor.runtime.tls.identity import LoadedIdentity
from telesphor.runtime.tls.policy import CIPHERS, ChannelPolicy

lib: Any = SSL._lib  # type: ignore[attr-defined]
ffi: Any = SSL._ffi  # type: ignore[attr-defined]

DEPTH_MAX = 4
"""A public leaf has two authorities above it, ours none but the root."""

MLDSA_SIGNATURES = b"mldsa65:mldsa87"
PROBED_GROUPS = b"X25519MLKEM768:SecP384r1MLKEM1024:SecP256r1MLKEM768:X25519:secp256r1:secp384r1"
SESSION_NAME = b"telesphor"
NO_AUTO_CHAIN = 0x8
"""SSL_MODE_NO_AUTO_CHAIN: do not send the root, 5 KB that the other side has or does not trust."""

NEVER_CHECK_SUBJECT = 0x20
NO_PARTIAL_WILDCARDS = 0x04

Verify = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]


class OpenSslRefused(RuntimeError):
    """OpenSSL did not take a setting, or must not be given it."""


def make_context(
    policy: ChannelPolicy,
    *,
    server: bool,
    identity: LoadedIdentity | None,
    roots: Sequence[x509.Certificate] | None,
    verify: Verify | None,
) -> SSL.Context:
    """A context of OpenSSL that keeps `policy`.

    Args:
        identity: this side's certificate; a server needs one.
        roots: what the other side's certificate must stand under; None takes the system's.
        verify: asked about each certificate of the other side; None asks for no certificate.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    _set_protocol(context, policy)
    _set_alpn(context, policy, server=server)
    if identity is not None:
        _use(context, identity)
    if verify is not None:
        trust_roots(context, roots)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        context.set_verify_depth(DEPTH_MAX)
    return context


def set_groups(context: SSL.Context, groups: Sequence[str]) -> None:
    """Allow these key exchanges and no others, the first preferred."""
    _must(lib.SSL_CTX_set1_curves_list(context._context, " / ".join(groups).encode("ascii")), "groups")


def offer_everything(context: SSL.Context) -> None:
    """Offer what a modern client offers, for a look at what the server takes of it."""
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    _must(lib.SSL_CTX_set1_curves_list(context._context, PROBED_GROUPS), "groups")


def trust_roots(context: SSL.Context, roots: Sequence[x509.Certificate] | None) -> None:
    """What the other side's certificate must stand under; None takes the system's roots."""
    if roots is None:
        context.set_default_verify_paths()
        return
    store = context.get_cert_store()
    if store is None:
        raise OpenSslRefused("there is no certificate store")
    for root in roots:
        store.add_cert(crypto.X509.from_cryptography(root))
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)


def expect_name(connection: SSL.Connection, name: str) -> None:
    """Let OpenSSL refuse a certificate that is for another host or address (RFC 9525)."""
    parameters = lib.SSL_get0_param(connection._ssl)
    try:
        address = ip_address(name).packed
    except ValueError:
        host = name.encode("idna")
        if not host or host.startswith(b"."):  # nothing would match anything, a dot every name below
            raise OpenSslRefused("a host's name is neither empty nor begins with a dot") from None
        lib.X509_VERIFY_PARAM_set_hostflags(parameters, NEVER_CHECK_SUBJECT | NO_PARTIAL_WILDCARDS)
        _must(lib.X509_VERIFY_PARAM_set1_host(parameters, host, len(host)), "name")
        connection.set_tlsext_host_name(host)
        return
    _must(lib.X509_VERIFY_PARAM_set1_ip(parameters, address, len(address)), "address")


def verified(connection: SSL.Connection) -> bool:
    """Whether OpenSSL found nothing wrong with the other side's certificate; true also without one."""
    return bool(lib.SSL_get_verify_result(connection._ssl) == lib.X509_V_OK)


def _set_protocol(context: SSL.Context, policy: ChannelPolicy) -> None:
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_max_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(":".join(CIPHERS).encode("ascii"))
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(SESSION_NAME)  # a client that offers a session gets a full handshake, not an error
    # A write into memory never waits, so it may as well be whole; what an idle channel does not need is given back.
    context.clear_mode(lib.SSL_MODE_ENABLE_PARTIAL_WRITE)
    context.set_mode(lib.SSL_MODE_RELEASE_BUFFERS | NO_AUTO_CHAIN)
    set_groups(context, policy.groups)
    if policy.mldsa:
        _must(lib.SSL_CTX_set1_sigalgs_list(context._context, MLDSA_SIGNATURES), "signature algorithms")


def _set_alpn(context: SSL.Context, policy: ChannelPolicy, *, server: bool) -> None:
    offered = [name.encode("ascii") for name in policy.alpn]
    if not offered:
        return
    if not server:
        context.set_alpn_protos(offered)
        return

    def select(_: SSL.Connection, wanted: list[bytes]) -> Any:
        return next((name for name in offered if name in wanted), SSL.NO_OVERLAPPING_PROTOCOLS)

    context.set_alpn_select_callback(select)


def _use(context: SSL.Context, identity: LoadedIdentity) -> None:
    context.use_certificate(identity.chain[0])
    for above in identity.chain[1:]:
        context.add_extra_chain_cert(above)
    # pyOpenSSL takes a key object of `cryptography` only for classical algorithms, and warns of its own.
    _must(lib.SSL_CTX_use_PrivateKey(context._context, identity.key._pkey), "private key")
    context.check_privatekey()


def _must(result: int, what: str) -> None:
    if result != 1:
        lib.ERR_clear_error()
        raise OpenSslRefused(f"OpenSSL does not take the {what}")
