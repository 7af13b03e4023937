"""The faults: one file each, discovered by walking this package."""
