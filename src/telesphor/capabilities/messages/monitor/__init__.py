"""The rules by which the compliance monitor judges what is written, and how well they do.

The rules are data (`rules.json`), read by the monitor and by the browser alike, so that a sender is warned by the same
rules before anything is sent. Nothing here keeps, logs or returns a text: what is found is named by codes of rules.

Start with `scanner`; `synthesis` makes a labelled set of messages, and `measuring` measures the rules on it.
"""
