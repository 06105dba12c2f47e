"""Quantum-safe links: TLS 1.3 with X25519MLKEM768 and ML-DSA certificates, as an `ssl.SSLContext`.

Python's own `ssl` speaks what its OpenSSL speaks, and many systems carry one without ML-KEM. Here the OpenSSL 4
inside `cryptography` does the work, through pyOpenSSL, behind the interface that asyncio, uvloop, uvicorn
and aiohttp already use. `server_context` and `client_context` (in `context`) are the way in.

Guarantees
- TLS 1.3 only, 256-bit ciphers only, no resumption and no early data: each connection is a full handshake,
  so that each is checked.
- Between nodes: X25519MLKEM768 alone, both sides with ML-DSA certificates from a trusted root, the role,
  the organisation and (for who dials) the name checked before the first byte of the application.
- Whatever cannot be checked is refused. Each refusal has a class of its own in `errors`.
- New certificate files are taken for new connections without a restart; broken ones are not taken.
- Each connection is noted in a `ChannelBook`: group, cipher, certificates, and no address.

Start at `context`, then `tls_object` (one connection) and `peers` (who is let in). `authority` makes
certificates, `identity` and `trust` read them, `probe` asks any server what it speaks. The page for operators
is `docs/operating/tls.md`, what is on the wire `docs/spec/channels.md`.
"""
