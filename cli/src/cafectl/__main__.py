"""Entry of `python -m cafectl`."""

from cafectl.app import app

app(prog_name="cafectl")
