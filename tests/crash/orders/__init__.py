"""The order path under faults: real processes, real customers, and an audit of the books after."""
