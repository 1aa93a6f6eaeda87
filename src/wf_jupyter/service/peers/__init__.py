"""Other orchestrators on the same data directory."""
