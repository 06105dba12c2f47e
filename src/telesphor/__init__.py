"""Telesphor: the security node that stands beside a telehealth service or an EHR.

Everything that happens in remote care becomes a small signed entry, without any patient data, on a
post-quantum-safe ledger; the patient data is sealed in a vault; anyone who is handed a proof bundle
can check it offline. Start reading at `docs/architecture.md`, or at `telesphor.app` in the code.
"""

__version__ = "0.1.0"
