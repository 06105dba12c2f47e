"""The clinic that one plays oneself: three or four tabs of one browser are its people, and each comes by a link.

`house` is the clinic before anybody comes: its staff, groups, rules, and the compliance monitor as a process of its
own. A `cast` is one set of people who are invited; `round` does for them what needs their new keys, as soon as they
have some: `chart` is the patient's record, `pulse` the patient's device, `letters` the first message, `earlier` a
visit that is over. `door` is the route by which the page gets the links; it exists in this node alone. Start at
`playing.play_clinic`.
"""
