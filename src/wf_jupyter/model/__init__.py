"""The vocabulary of the domain: msgspec and the standard library, nothing else."""
