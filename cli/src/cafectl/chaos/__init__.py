"""Chaos from the command line: start, watch, halt, explain, compare and report runs.

The operator acts and measures; everything here reads what it stored in ChaosRuns, and asks it for
more by writing what any user may write: experiments, an annotation, the halt lever.
"""
