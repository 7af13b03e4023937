"""`python -m dev.terraform.lambda_zip`: the payment processor as a Lambda's zip.

Called by `make deploy`. Made of the locked dependencies of services/payment-processor, without the
web framework and the stores' clients that the function never loads, and of the sources. The same
sources give the same bytes, so that Terraform sees a change only where there is one.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from dev.images import contexts
from dev.steps import step
from dev.system import LOCAL, ROOT, ProblemError, main, run

PACKAGE = LOCAL / "lambda" / "payment-processor.zip"
MEMBER = "cafe-payments"
SOURCES = ("services/payment-processor/src", "services/kit/src")
#: What the handler never imports; a test of the service says so.
UNUSED = frozenset({"fastapi", "starlette", "uvicorn", "uvloop", "httptools", "redis", "asyncpg"})
MOST_BYTES = 50 * 1024 * 1024
ZIPPED_AT = (1980, 1, 1, 0, 0, 0)


def build() -> Path:
    """Make the zip and return where it is."""
    PACKAGE.parent.mkdir(parents=True, exist_ok=True)
    with step("payment-processor.zip"), tempfile.TemporaryDirectory() as folder:
        content = Path(folder) / "content"
        _install(content)
        for source in SOURCES:
            shutil.copytree(ROOT / source, content, dirs_exist_ok=True)
        _pack(content)
    size = PACKAGE.stat().st_size
    if size > MOST_BYTES:
        raise ProblemError(f"{PACKAGE} has {size >> 20} MB; Lambda takes 50 of an upload")
    return PACKAGE


def _install(target: Path) -> None:
    """Install the locked wheels for Lambda's own platform, whatever this machine is."""
    target.mkdir(parents=True)
    requirements = target.parent / "requirements.txt"
    requirements.write_text(contexts.requirements([MEMBER]))
    run(
        "uv", "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--python-version", "3.11",
        "--python-platform", "x86_64-manylinux_2_28",
        "--link-mode", "copy", "--target", target, "-r", requirements,
    )  # fmt: skip
    for name in UNUSED:
        shutil.rmtree(target / name, ignore_errors=True)


def _pack(content: Path) -> None:
    files = sorted(
        path for path in content.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    with zipfile.ZipFile(PACKAGE, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(str(path.relative_to(content)), ZIPPED_AT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def _command() -> None:
    sys.stdout.write(f"{build()}\n")


if __name__ == "__main__":
    main(_command)
