"""A stand-in for a card provider; see the package's modules."""
