"""One module per family of files: `recognise` says whether they are it, `load` reads them.

A module knows one family and the SAE; none knows another. The table that names them is in
`probes/sae/formats.py`.
"""
