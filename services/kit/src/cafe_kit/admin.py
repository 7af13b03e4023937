"""The admin port: probes, metrics and the CPU stress. Never exposed outside the cluster."""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from cafe_kit import problems
from cafe_kit.auth import ServiceOnly
from cafe_kit.errors import NotFoundError
from cafe_kit.health import Health
from cafe_kit.metrics import CONTENT_TYPE, Metrics
from cafe_kit.settings import KitSettings
from cafe_kit.stress import Stress, StressRequest, StressView

NOT_READY = 503


def build_admin(
    name: str, settings: KitSettings, health: Health, metrics: Metrics, stress: Stress
) -> FastAPI:
    """The second application of every service."""
    app = FastAPI(title=f"{name} (admin)", version="1.0.0", docs_url=None, redoc_url=None)
    app.state.settings = settings
    problems.install(app)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """The process turns its loop. Says nothing about dependencies, on purpose."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Whether to route here, dependency by dependency."""
        return JSONResponse(health.document(), 200 if health.ready else NOT_READY)

    @app.get("/readyz/{dependency}")
    async def readyz_of(dependency: str) -> JSONResponse:
        """Whether one dependency answers, as seen within the last seconds: 503 where it does not.

        For whoever watches one store or neighbour, as a chaos experiment's probe does.
        """
        found = health.document_of(dependency)
        if found is None:
            raise NotFoundError(
                f"{name} has no dependency {dependency!r}.",
                remedy=f"Ask for one of {', '.join(d.name for d in health.dependencies)}.",
            )
        return JSONResponse(found, 200 if found["up"] else NOT_READY)

    @app.get("/startupz")
    async def startupz() -> JSONResponse:
        """The process is up and serves; what it needs may still be missing (see /readyz).

        A startup probe that waited for dependencies would have the kubelet restart us for a
        missing neighbour.
        """
        return JSONResponse({"status": "started", "dependenciesSeen": health.started})

    @app.get("/metrics")
    async def scrape() -> Response:
        """Prometheus exposition."""
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    @app.get("/admin/stress", dependencies=[ServiceOnly])
    async def show_stress() -> StressView:
        """What burns now."""
        return stress.view()

    @app.post("/admin/stress", dependencies=[ServiceOnly])
    async def start_stress(request: StressRequest) -> StressView:
        """Burn a share of one CPU; ends by itself."""
        return await stress.start(request)

    @app.delete("/admin/stress", dependencies=[ServiceOnly])
    async def stop_stress(owner: str = "") -> StressView:
        """Stop burning; with an owner only what is theirs."""
        return await (stress.stop_of(owner) if owner else stress.stop())

    return app
