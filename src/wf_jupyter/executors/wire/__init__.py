"""What a parent and its workers say to each other: frames, messages, and what they mean to the engine."""
