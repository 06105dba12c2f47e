"""What makes contracts run: triggers found in the log and on the clock, runs in their order, effects carried out.

Two followers read the committed log from cursors of their own. One finds entries that contracts react to and puts
their triggers into a queue; the other carries out the effects of runs. The queue is durable before a cursor moves, and
holds nothing but ids: what was done is on the ledger, so that all of it, cursors included, can be lost and found again
by reading the log from its beginning.

Invariants
- A crash at any moment loses no trigger and no effect, and repeats neither of them on the ledger.
- Triggers of one contract (and key, where it has one) run in the order in which they were found; contracts do not
  wait for each other.
- Commands of effects are given in the log's order; messages leave in order for each contract, connector and key.

Start with `runtime`; `triggers` finds, `running` runs, `carrying` and `sending` carry out, `queue` remembers.
"""
