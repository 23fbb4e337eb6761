"""The public API as a user's code has it; nothing here is run, the type checker reads it."""
