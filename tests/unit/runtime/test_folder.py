"""The node's folder refuses keys that are not whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.kernel.keyfile import KeyfileRefused, seal_keyfile
from telesphor.runtime.folder import load_node_keys

PASSPHRASE = b"a folder of a test"


def test_key_file_that_lacks_a_key_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    secret = {"node_id": "", "origin": "node.example/log", "log": [], "signing": [], "recipient": ""}
    path.write_bytes(seal_keyfile(secret, passphrase=PASSPHRASE))
    with pytest.raises(KeyfileRefused, match="lack `cosigner`"):
        load_node_keys(path, passphrase=PASSPHRASE)
