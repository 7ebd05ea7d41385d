"""Hostile answers of the API, and whether an application can tell that its calls are recorded while it gets them.

`answers` makes them, `calls` are the ways of asking, `compare` makes a call with us and without, `planted` are bugs
that the comparison has to find, and `python -m hostile` is the loop over many answers.
"""
