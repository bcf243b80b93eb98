"""How the data of the built-in suites is written: tables of checked facts and of phrasings.

`python -m suites.authoring` rewrites `suites/data/` byte for byte. Nothing here is needed to
run a suite, and no other room imports it.
"""
