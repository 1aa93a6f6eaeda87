"""One attempt: code and arguments are loaded, the function is called, what came out is encoded."""
