"""What a task changes in its process is put back: each runs as if alone."""
