"""Step 15: the bundle as a whole is the statement of the node that owns the ledger."""

from __future__ import annotations

from telesphor.kernel.bundle import Bundle
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.signing import VerifyKey, verify_detached
from telesphor.verify.report import Proved


class ManifestOfOtherSigner(TelesphorError):
    """The manifest names other keys than the node's."""

    code = "manifest-of-other-signer"
    kind = Kind.UNAUTHENTICATED


def check_signature(bundle: Bundle, node: VerifyKey) -> Proved[None]:
    """Step 15. Both signatures over the manifest verify under the node's keys."""
    if bundle.manifest.keys != node.thumbprints():
        raise ManifestOfOtherSigner("the manifest is signed with other keys than those of the ledger's node")
    verify_detached(bundle.manifest.data, bundle.manifest_jws, node)
    return Proved(None, "the node signed the list of all these files with Ed25519 and ML-DSA-65")
