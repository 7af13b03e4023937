#!/bin/bash
# Makes the checkout usable: Python 3.11, Go, uv and the locked packages. Every target of the
# Makefile begins here; it takes a blink when nothing is missing. What it installs is announced.
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=0.13.9 # this or newer
go_version=1.26.4 # this or newer
cache=${CLOUDCAFE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloudcafe}
export UV_PYTHON_DOWNLOADS=never

say() { printf '[setup] %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

apt() { # purpose, packages…
  local purpose=$1
  shift
  local line="apt-get install --no-install-recommends $*"
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "$purpose: as root on Debian, $line"
  say "$purpose: $line"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

python=
for candidate in python3.11 python3 python; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    python=$(command -v "$candidate")
    break
  fi
done
[ -n "$python" ] || fail "Python 3.11 is not installed (Debian 12: apt-get install python3)"

command -v go >/dev/null || fail "Go is not installed: $go_version or newer, see https://go.dev/dl"
have=$(go env GOVERSION)
at_least "$go_version" "${have#go}" || fail "Go is $have, but $go_version or newer is needed"

uv=$(command -v uv || true)
if [ -z "$uv" ] || [ "$uv" = "$PWD/.cache/bin/uv" ] || ! at_least "$uv_version" "$("$uv" --version 2>/dev/null | cut -d' ' -f2)"; then
  uv=$cache/uv/$uv_version/bin/uv
  if [ ! -x "$uv" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt "uv needs a virtual environment" python3-venv
    say "install uv $uv_version into $cache/uv"
    draft=$cache/uv/.draft.$$
    "$python" -m venv "$draft"
    "$draft/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"
    rm -rf "$cache/uv/$uv_version"
    mv "$draft" "$cache/uv/$uv_version"
  fi
fi
# rooms start programs: they find uv where the Makefile's PATH begins
mkdir -p .cache/bin
ln -sfn "$uv" .cache/bin/uv
# compiled once, here: where bytecode may not be written, each process would compile what it imports
"$uv" sync --quiet --frozen --all-packages --compile-bytecode
