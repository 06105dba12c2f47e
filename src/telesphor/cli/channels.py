"""`tls`: an organisation's root, certificates for its nodes, renewals, and what any server speaks.

The root's key is sealed under a passphrase; a node's key lies in its file, which only its owner may read, because it
must be read again without anyone there to type (`docs/operating/tls.md`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from telesphor.kernel.clock import Clock, SystemClock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.console import EXIT_REFUSED, emit_json, refusals, say
from telesphor.runtime.folder import read_passphrase, write_private
from telesphor.runtime.settings import Settings
from telesphor.runtime.tls.authority import (
    NODE_DAYS,
    Authority,
    create_authority,
    load_authority,
    save_authority,
)
from telesphor.runtime.tls.certificate import (
    Algorithm,
    CertificateSummary,
    Role,
    algorithm_of,
    describe,
    from_ms,
    names_of,
    roles_of,
)
from telesphor.runtime.tls.files import TlsFileRefused, pem_blocks, read_bounded, replace_private
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.probe import PROBE_SECONDS, Probe, parse_address, probe
from telesphor.runtime.tls.trust import TrustStore

ROOT = "root"
BROWSER_ROOT = "browser-root"
DUE_PART = 3
"""Renewal is due when less than a third of a certificate's life is left: time for two more tries."""

FolderArgument = Annotated[Path, typer.Argument(help="The folder of the organisation's roots.")]
NamesOption = Annotated[
    list[str], typer.Option("--name", help="Host name or address by which it is dialled; may be repeated.")
]
OutOption = Annotated[Path, typer.Option("--out", help="The file to write: key and certificate together.")]
DaysOption = Annotated[int, typer.Option(help="How long it lives.")]
PassphraseOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the passphrase of the roots' keys.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


class RootExists(TelesphorError):
    """The folder has a root already."""

    code = "root-exists"
    kind = Kind.CONFLICT


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    tls = typer.Typer(
        name="tls",
        help="Certificates for quantum-safe links, and what a server speaks.\n\n"
        "Example: telesphor tls probe clinic.example",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    tls.command()(ca)
    tls.command()(node)
    tls.command()(browser)
    tls.command()(renew)
    tls.command()(show)
    tls.command(name="probe")(probe_server)
    app.add_typer(tls)


def ca(
    folder: FolderArgument,
    organisation: Annotated[str, typer.Option(help="The organisation, like a domain it owns.")],
    algorithm: Annotated[Algorithm, typer.Option(help="Of the root's key.")] = Algorithm.ML_DSA_65,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make the organisation's root: `root.pem` for partners, `root.key` to keep apart.

    Example: telesphor tls ca /safe/tls --organisation clinic.example
    """
    with refusals():
        if (folder / f"{ROOT}.key").exists():
            raise RootExists(f"`{folder}` has a root already", hint="name another folder")
        passphrase = _passphrase(passphrase_file, make=True)
        _make_root(folder, ROOT, organisation, algorithm, passphrase)
        say(f"made the root of [bold]{organisation}[/] in [bold]{folder}[/]")
        say("hand [bold]root.pem[/] to partners; keep [bold]root.key[/] on a machine of its own")


def node(
    folder: FolderArgument,
    name: NamesOption,
    out: OutOption = Path("node.pem"),
    role: Annotated[Role, typer.Option(help="What it is for: a node dials and is dialled.")] = Role.NODE,
    algorithm: Annotated[Algorithm, typer.Option(help="Of its key.")] = Algorithm.ML_DSA_65,
    days: DaysOption = NODE_DAYS,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make a certificate for a link between nodes.

    Example: telesphor tls node /safe/tls --name node1.clinic.example --name 10.0.0.5 --out node.pem
    """
    with refusals():
        root = load_authority(folder / f"{ROOT}.key", passphrase=_passphrase(passphrase_file))
        data = _issue(root, name, role=role, algorithm=algorithm, days=days)
        write_private(out, data)
        _say_made(out)


def browser(
    folder: FolderArgument,
    name: NamesOption,
    out: OutOption = Path("browser.pem"),
    days: DaysOption = NODE_DAYS,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make an ECDSA P-256 certificate for browsers, under an ECDSA root beside the other.

    For demonstrations and closed networks: browsers must be told to trust `browser-root.pem`. Where the
    public visits, take a certificate of a public authority.

    Example: telesphor tls browser /safe/tls --name portal.clinic.example --out browser.pem
    """
    with refusals():
        passphrase = _passphrase(passphrase_file)
        if not (folder / f"{BROWSER_ROOT}.key").exists():
            organisation = load_authority(folder / f"{ROOT}.key", passphrase=passphrase).organisation
            _make_root(folder, BROWSER_ROOT, organisation, Algorithm.ECDSA_P256, passphrase)
        root = load_authority(folder / f"{BROWSER_ROOT}.key", passphrase=passphrase)
        data = _issue(root, name, role=Role.SERVER, algorithm=Algorithm.ECDSA_P256, days=days)
        write_private(out, data)
        _say_made(out)


def renew(
    folder: FolderArgument,
    files: Annotated[list[Path], typer.Argument(help="Files made by `tls node` or `tls browser`.")],
    every: Annotated[bool, typer.Option("--all", help="Also those that are not due.")] = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Replace certificates that are due by new ones with new keys; a running node takes them by itself.

    Example: telesphor tls renew /safe/tls node.pem
    """
    with refusals():
        passphrase = _passphrase(passphrase_file)
        clock = SystemClock()
        for file in files:
            old = TlsIdentity(file).load().certificate
            if not every and not _is_due(old, clock):
                say(f"[bold]{file}[/] is not due before {describe(old).not_after}")
                continue
            algorithm = Algorithm(algorithm_of(old))
            root_name = BROWSER_ROOT if algorithm is Algorithm.ECDSA_P256 and _classical(old) else ROOT
            root = load_authority(folder / f"{root_name}.key", passphrase=passphrase)
            life = old.not_valid_after_utc - old.not_valid_before_utc
            data = _issue(
                root, names_of(old), role=_role_of(old), algorithm=algorithm, days=max(1, life.days)
            )
            replace_private(file, data)
            _say_made(file)


def show(
    files: Annotated[list[Path], typer.Argument(help="Certificate files, or folders of them.")],
    json: JsonOption = False,
) -> None:
    """Show certificates: whose, for what, until when, and whether they are quantum-safe.

    Example: telesphor tls show node.pem root.pem
    """
    with refusals():
        found = [(file, summary) for file in _certificate_files(files) for summary in _summaries(file)]
        if json:
            emit_json([{"file": str(file), "certificate": summary} for file, summary in found])
            return
        for file, summary in found:
            print(f"{_plain(str(file))}\n{_lines(summary)}")


def probe_server(
    address: Annotated[str, typer.Argument(help="HOST or HOST:PORT; the port is 443 if none is named.")],
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Trusted root, or a folder of them; the system's if none is named."),
    ] = None,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="Want the certificates to be quantum-safe too.")
    ] = False,
    timeout_seconds: Annotated[float, typer.Option(help="How long to wait.")] = PROBE_SECONDS,
    json: JsonOption = False,
) -> None:
    """Ask a server what it speaks; exit code 1 when the key exchange is not quantum-safe.

    With `--trust`, also when the certificate does not stand under that root or is for another name.

    Example: telesphor tls probe node1.clinic.example:8421 --trust root.pem --certificate
    """
    with refusals():
        roots = TrustStore(tuple(trust)).load() if trust else None
        host, port = parse_address(address)
        found = probe(host, port, roots=roots, timeout_seconds=timeout_seconds)
        if json:
            emit_json(found)
        else:
            _print_probe(found)
        if not (
            found.quantum_safe
            and (found.quantum_safe_certificate or not certificate)
            and (found.trusted or not trust)
        ):
            raise typer.Exit(EXIT_REFUSED)


def _make_root(folder: Path, name: str, organisation: str, algorithm: Algorithm, passphrase: bytes) -> None:
    clock = SystemClock()
    made = create_authority(
        organisation, algorithm=algorithm, now_ms=clock.now_ms(), random_bytes=IdSource(clock).random_bytes
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    save_authority(
        made, certificate=folder / f"{name}.pem", key=folder / f"{name}.key", passphrase=passphrase
    )


def _issue(
    root: Authority, names: list[str] | tuple[str, ...], *, role: Role, algorithm: Algorithm, days: int
) -> bytes:
    clock = SystemClock()
    return root.issue(
        names,
        role=role,
        algorithm=algorithm,
        now_ms=clock.now_ms(),
        days=days,
        random_bytes=IdSource(clock).random_bytes,
    )


def _passphrase(file: Path | None, *, make: bool = False) -> bytes:
    """From the file, else from TELESPHOR_PASSPHRASE(_FILE), else asked for."""
    if file is None:
        return read_passphrase(Settings(origin="telesphor.example/tls"), ask=True)
    if make and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, IdSource(SystemClock()).random_bytes(16).hex().encode() + b"\n")
        say(f"made a passphrase in [bold]{file}[/]: keep it apart from the roots' folder")
    return read_bounded(file).strip()


def _is_due(certificate: x509.Certificate, clock: Clock) -> bool:
    life: timedelta = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_after_utc - from_ms(clock.now_ms()) < life / DUE_PART


def _classical(certificate: x509.Certificate) -> bool:
    return not describe(certificate).signed_with.startswith("ML-DSA-")


def _role_of(certificate: x509.Certificate) -> Role:
    roles = roles_of(certificate)
    return Role.NODE if len(roles) == 2 else Role(roles[0])


def _certificate_files(places: list[Path]) -> list[Path]:
    return [file for place in places for file in (sorted(place.glob("*.pem")) if place.is_dir() else [place])]


def _summaries(file: Path) -> list[CertificateSummary]:
    blocks = pem_blocks(read_bounded(file), b"CERTIFICATE")
    if not blocks:
        raise TlsFileRefused(f"`{file}` has no certificate")
    try:
        return [describe(x509.load_pem_x509_certificate(block)) for block in blocks]
    except ValueError as error:
        raise TlsFileRefused(f"`{file}` has a certificate that cannot be read") from error


def _say_made(file: Path) -> None:
    made = describe(TlsIdentity(file).load().certificate)
    say(f"[bold]{file}[/]: {made.algorithm}, signed with {made.signed_with}, until {made.not_after}")


def _lines(summary: CertificateSummary) -> str:
    names = ", ".join(summary.names) or "no names"
    safe = "quantum-safe" if summary.quantum_safe else "classical: could be forged one day"
    return (
        f"  for           {_plain(names)} of {_plain(summary.organisation) or 'no organisation'}\n"
        f"  role          {', '.join(summary.roles) or 'none'}\n"
        f"  key           {summary.algorithm} signed with {summary.signed_with} ({safe})\n"
        f"  issuer        {_plain(summary.issuer)}\n"
        f"  valid         {summary.not_before} to {summary.not_after}"
    )


def _print_probe(found: Probe) -> None:
    key = "quantum-safe" if found.quantum_safe else "classical: what is recorded today can be read one day"
    chain = "quantum-safe" if found.quantum_safe_certificate else "classical: could be forged one day"
    print(f"{found.host}:{found.port}")
    print(f"  protocol      {found.version}, {found.cipher}")
    print(f"  key exchange  {found.group or 'unknown'} ({key})")
    print(f"  certificates  {_algorithms(found)} ({chain})")
    for summary in found.chain[:1]:
        print(
            f"  name          {_plain(', '.join(summary.names))} of {_plain(summary.organisation) or 'no organisation'}"
        )
        print(f"  valid         {summary.not_before} to {summary.not_after}")
    print(f"  trusted       {'yes' if found.trusted else 'no: ' + found.why}")


def _algorithms(found: Probe) -> str:
    return ", ".join(f"{summary.algorithm} signed with {summary.signed_with}" for summary in found.chain)


def _plain(text: str) -> str:
    """What a stranger's certificate says must not steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
