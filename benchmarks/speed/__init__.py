"""What the project costs beside the bare forward pass and beside its peers: `make bench`.

`registry` lists the rows of the table, each a function from `Work` to figures. `timing` takes
turns, `subjects` are the models, `prompts` what they read, `floor` the pass that nobody can avoid;
`figures` is what comes out, `report` writes it.
"""
