"""Words to actions and back: what a session lets people say, what it means, and what is answered. Pure."""
