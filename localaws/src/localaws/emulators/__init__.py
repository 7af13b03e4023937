"""The two emulators, each behind `async call(Request) -> Reply`. Only these files import them."""
