"""Records as pages: one file each, without script, that asks nobody for anything."""
