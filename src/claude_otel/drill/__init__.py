"""The drill: every shipped alert caused on the native stack, seen to fire, to arrive, and to resolve."""
