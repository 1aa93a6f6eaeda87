"""In the orchestrator's process: worker processes of this machine, and the attempts sent to each."""
