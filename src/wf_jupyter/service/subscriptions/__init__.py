"""Who is told of what: mailboxes, snapshots, gaps, and the logs of executions that others run."""
