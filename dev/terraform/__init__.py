"""Terraform without a network: the program, a stand-in for the AWS provider, and the checks.

Called by the Makefile, `dev.gate` and tests/terraform. `provider/` is the stand-in (Go, its limits
are in README.md), `programs.py` finds or compiles what runs, `workspace.py` is where it runs
without leaving anything in the tree, `check.py` and `lint.py` judge.
"""
