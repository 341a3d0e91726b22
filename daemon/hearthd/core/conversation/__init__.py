"""Events, commands, and the machine that turns the one into the other."""
