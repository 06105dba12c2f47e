"""The envelopes themselves: taken before the command that names them, kept until retention deletes them.

Start with `shelf`; `checking` is what the node can see of an envelope without opening it.
"""
