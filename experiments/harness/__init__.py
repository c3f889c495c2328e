"""How evidence is made, decided, drawn and shown: nothing here knows any experiment.

`study`: what is computed, once; `claim`: what is claimed of it, and when that holds; `figures`: how it is drawn;
`statements`: the claims in words; `ledger`: the rows on disk; `verify`: the main job; `report`: the page.
"""
