"""The embedded models: a small world, what each organism says in it, and how each is made."""
