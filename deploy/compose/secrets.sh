#!/bin/sh
# Makes the secrets of compose.yaml in ./secrets, each once: what is there stays. Nothing has a default.
# The server reads them as you, or as user 10001 if you are root; that goes into .env.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
uid=$(id -u) gid=$(id -g)
[ "$uid" -ne 0 ] || uid=10001 gid=10001

# base64 of this many random bytes, with the letters that an address and a file name can hold
random() {
    head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'
}

keep() {
    if [ -e "secrets/$1" ]; then
        echo "secrets/$1 is there already; left as it is."
        cat >/dev/null
    else
        cat >"secrets/$1"
        chmod "$2" "secrets/$1"
        [ "$(id -u)" -ne 0 ] || chown "$uid:$gid" "secrets/$1"
        echo "secrets/$1 made."
    fi
}

# PostgreSQL reads it as a user of its own; nobody else gets into the folder
random 24 | keep database-password 0444
printf 'postgresql://runplane:%s@database/runplane' "$(cat secrets/database-password)" | keep database-url 0400
head -c 32 /dev/urandom | base64 | tr -d '\n' | keep key-encryption-key 0400
random 18 | keep admin-password 0400
touch .env
grep -q '^RUNPLANE_UID=' .env || printf 'RUNPLANE_UID=%s\nRUNPLANE_GID=%s\n' "$uid" "$gid" >>.env
echo "Keep a copy of secrets/key-encryption-key away from the backups of the database."
