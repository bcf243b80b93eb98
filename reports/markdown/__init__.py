"""Records as Markdown: for a comment, a job summary, a file."""
