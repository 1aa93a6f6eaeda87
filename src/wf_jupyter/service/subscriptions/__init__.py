"""Subscriptions: mailboxes, snapshots, gaps, and the logs of executions that others run."""
