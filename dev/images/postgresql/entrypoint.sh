#!/bin/sh
# Makes the database cluster the first time, then becomes the server.
# POSTGRES_USER and POSTGRES_PASSWORD name what the first start creates; the databases POSTGRES_DB
# and POSTGRES_MORE_DBS (words) are made by whichever start finds them missing.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # whole or not at all: a start that is killed half-way begins again
  draft=$PGDATA.draft
  rm -rf "$draft" "$PGDATA"
  printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
  initdb --pgdata="$draft" --username="$POSTGRES_USER" --pwfile=/tmp/password \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >/tmp/initdb.log ||
    { cat /tmp/initdb.log >&2; exit 1; }
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$draft/pg_hba.conf"
  mv "$draft" "$PGDATA"
fi
for name in "$POSTGRES_DB" ${POSTGRES_MORE_DBS:-}; do
  # a start that was killed between the two makes it again, which is refused and harmless
  if [ "$name" != postgres ] && [ ! -e "$PGDATA/made-$name" ]; then
    printf 'CREATE DATABASE "%s";\n' "$name" | postgres --single -j -D "$PGDATA" postgres >/dev/null
    : >"$PGDATA/made-$name"
  fi
done
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql \
  -c jit=off -c max_connections="${POSTGRES_MAX_CONNECTIONS:-200}" "$@"
