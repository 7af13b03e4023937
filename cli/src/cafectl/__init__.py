"""cafectl: buys coffee, watches chaos runs and tells what they measured."""
