"""`terraform output -json | cafectl values > values-aws.yaml`: what the chart needs to know."""

from __future__ import annotations

import json
import sys

import typer
import yaml

from cafectl.terminal import Terminal
from cafectl.values import ValuesError
from cafectl.values import values as of_outputs

HEADER = "# made by `cafectl values` from Terraform's outputs\n"


def values() -> None:
    """Turn `terraform output -json` (standard input) into values of the chart."""
    try:
        made = of_outputs(json.load(sys.stdin))
    except (json.JSONDecodeError, ValuesError) as problem:
        Terminal(stderr=True).trouble("no values", problem)
        raise typer.Exit(2) from problem
    typer.echo(HEADER + yaml.safe_dump(made, sort_keys=False), nl=False)
