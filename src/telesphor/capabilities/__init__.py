"""What the product does, one folder for each capability, all of one anatomy.

`model` holds its values, rules and errors; `entries` its facts on the ledger; `store` all its SQL;
`service` its use cases (authorise, decide, append); `routes` its HTTP; `capability` hands it to the
node. Capabilities import downwards only; one never touches the store of another. Start with `identity`.
"""
