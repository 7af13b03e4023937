"""The books of the cafe compared: what each service says about an order must agree. See `audit`."""
