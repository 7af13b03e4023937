"""What a contributor's machine needs: Kubernetes without downloads, tools, images.

Each folder is a room run as `python -m dev.<room>` from the repository's root; the Makefile
calls them. Everything built is kept outside the checkout (`dev.cache`), so that a fresh clone
is warm.
"""
