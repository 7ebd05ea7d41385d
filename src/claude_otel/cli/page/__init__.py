"""The page of a run: one file of HTML with the five answers, that needs nothing else."""
