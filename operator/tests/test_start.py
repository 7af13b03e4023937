"""`python -m cloudcafe_operator`: what it runs on."""

import asyncio

from cloudcafe_operator import __main__ as program


def test_it_runs_on_uvloop_and_its_exit_code_is_that_of_the_run(monkeypatch):
    loops = []

    async def run(settings):
        loops.append(type(asyncio.get_running_loop()).__module__)
        return 7

    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr(program, "set_up_logs", lambda level: None)
    monkeypatch.setenv("CAFE_SERVICE_TOKEN", "t")
    assert program.main() == 7
    assert loops == ["uvloop"]
