"""The demo: an application with three surfaces, and what can go wrong with it."""
