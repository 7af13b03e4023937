"""The only place that knows kopf's decorators."""
