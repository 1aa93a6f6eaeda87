"""What a task says while it runs: text, progress, displays, from whatever thread or child process."""
