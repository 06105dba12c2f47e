"""The search index: which entries are about whom, of which type, with which outcome; made from the entries alone.

It holds ids, words and positions, in a database of its own beside the ledger, and decides nothing: whatever is found
by it is read from the ledger itself. When the file is missing, of another form, or of another ledger, it is made
again from the first entry on. Start with `index.AuditIndex`.
"""
