"""What is asked of the tables of messages: `store` has the SQL; the fold is `messages/store.py`."""
