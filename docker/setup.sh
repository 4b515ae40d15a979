#!/bin/sh
# Makes what compose.yaml needs and nothing else may know: docker/secrets/ and docker/.env. What is there already is left as it is.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

secret() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -e .env ]; then
  cat >.env <<EOF
# The address of this machine that controllers, invokers and action containers reach.
HARVEST_BIND=127.0.0.1
# The gateway of the network of the action containers (docker network inspect bridge).
HARVEST_GATEWAY=172.17.0.1
OPENWHISK_APIHOST=https://127.0.0.1:443
OPENWHISK_KAFKA=127.0.0.1:9093
OPENWHISK_COUCHDB_URL=
HARVEST_COUCHDB_PASSWORD=$(secret 24)
HARVEST_REDIS_PASSWORD=$(secret 24)
HARVEST_COMPOSER_PASSWORD=$(secret 24)
# With --profile couchdb: http://harvest:<HARVEST_COUCHDB_PASSWORD>@couchdb:5984. Empty keeps documents in the sidecar's volume.
HARVEST_COUCHDB_URL=
EOF
fi
. ./.env

# hexadecimal, 32 bytes
[ -e secrets/signing ] || secret 32 >secrets/signing
# Conductors reach only the keys composer/*, with the commands of a fork and a join.
[ -e secrets/redis-users.acl ] || cat >secrets/redis-users.acl <<EOF
user default on >$HARVEST_REDIS_PASSWORD ~* &* +@all
user composer on >$HARVEST_COMPOSER_PASSWORD ~composer/* resetchannels -@all +lpush +lpushx +lrange +llen +lrem +brpop +blmove +rename +rpush +hset +hgetall +multi +exec +del +exists +expire +ping +hello +auth +select +info +quit +client|id +client|getname +client|setname
EOF
# Each is read by its service's own user in the container: node is 1000, redis is 999.
if [ "$(id -u)" = 0 ]; then
  chown 1000 secrets/signing
  chown 999 secrets/redis-users.acl
fi
chmod 711 secrets
echo "docker/.env and docker/secrets/ are there; look through docker/.env before the first start."
