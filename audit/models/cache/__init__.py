"""What a model was asked before, kept on disk: the same audit again runs no forward pass.

Everything is found by content. A model's folder is named by a digest over its weights, config,
tokenizer with chat template, number type, attention, device type, the versions of torch,
transformers and transformer-lens, and of our capture code (`keys.CAPTURE_VERSION`); a path is
never part of it. In it an answer is found by the token ids of the prompt and what was asked: hook
name, positions, pooling and window; position and token of a log-probability; length of a text.
Token ids and not the prompt's bytes: they are what the model saw, whatever wrote them.

`segments` is one file: tables of answers with a checksum each, named by the checksum of its
header. Files are written whole, renamed into place and never written again, so that readers and
writers need no lock: two processes may compute the same, and neither breaks the other. `store`
looks up and adds, by shards of the prompt's digest. `recalling` stands before `capture`,
`continuations` and `stream`: what is kept is read, what is missing runs. `known` describes a
model that was loaded before, so that its weights come into memory only where something new is
asked; `digests` remembers the digests of large files; `keeping` lists and deletes.

What cannot be read is told and computed again; what cannot be written is told once, and the run
goes on without. Nothing is kept of a live model, nor of one that a caller handed over: what was
done to it since its digest was taken is not known here.
"""
