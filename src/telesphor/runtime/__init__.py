"""The engine room: one writer, its database, followers, blobs, settings, HTTP and logs.

Knows no capability by name; the composition root hands them in. Start with `machine`.
"""
