"""What a conversation costs, what may be spent, and what was."""
