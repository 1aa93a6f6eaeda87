"""Isolation of tasks that share a process: what one changes is put back, and each runs as if alone."""
