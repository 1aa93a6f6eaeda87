"""In the process that runs tasks: its loop, its connection, and how an attempt is interrupted."""
