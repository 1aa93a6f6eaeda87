"""Output of a task while it runs: text, progress, displays, from whatever thread or child process."""
