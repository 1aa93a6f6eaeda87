"""Where attempts run: worker processes of this machine, or the calling process itself."""
