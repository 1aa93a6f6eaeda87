"""The wire between a parent and its workers: frames, messages, and what they mean to the engine."""
