"""Dating checkpoints in Bitcoin: by a transaction of one's own, or by OpenTimestamps calendars.

Both ways give the same proof: an `.ots` file and a row of block headers (`telesphor.kernel.chains.bitcoin` judges
it, and nothing is handed out here that it refuses). `own.py` pays for a transaction through a node of one's own;
`calendars.py` asks others who do. `node.py` is what is asked of a Bitcoin node. Start at `own.OwnTransactions`
and `calendars.Calendars`.
"""
