"""`python -m dev.kube`: compile Kubernetes and print the folder of its programs."""

from __future__ import annotations

from dev.kube import binaries
from dev.system import main

main(lambda: print(binaries()))
