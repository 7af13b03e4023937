"""The analytics worker: order events become rows that reports can add up."""
