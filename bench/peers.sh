#!/usr/bin/env bash
# The servers that benchmarks compare with: Debian packages, unpacked (not installed) beside the build output, on loopback.
#   bench/peers.sh fetch             downloads and unpacks them (apt-get download, dpkg -x; no root needed)
#   bench/peers.sh start [nats|redis|etcd]…   fetches what is missing and starts; no name = all
#   bench/peers.sh status
#   bench/peers.sh stop [nats|redis|etcd]…    ends what was started here, by process id
# etcd is a cluster of three: etcd1, etcd2 and etcd3 name one member. A member that was killed starts again with its data.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=artifacts/peers
nats_port=7002 redis_port=7001
nats_packages="nats-server"
redis_packages="redis-server redis-tools libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson libhiredis0.14"

etcd_packages="etcd-server"
etcd_data=/dev/shm/mosaik-bench-etcd

say() { echo "peers: $*" >&2; }

# packages_of PEER, program_of PEER
packages_of() { case $1 in nats) echo "$nats_packages" ;; redis) echo "$redis_packages" ;; etcd?) echo "$etcd_packages" ;; *) say "unknown peer $1"; return 1 ;; esac; }
program_of() { case $1 in nats) echo "$dir/usr/sbin/nats-server" ;; redis) echo "$dir/usr/bin/redis-server" ;; etcd?) echo "$dir/usr/bin/etcd" ;; esac; }

fetch() {
    local peer=$1 program packages
    packages=$(packages_of "$peer")
    program=$(program_of "$peer")
    [ -x "$program" ] && return 0
    command -v apt-get >/dev/null || { say "$peer: no apt-get here; it will be skipped"; return 1; }
    mkdir -p "$dir/deb"
    # The lists may be old; without root they stay as they are.
    [ "$(id -u)" -ne 0 ] || apt-get update >"$dir/apt.log" 2>&1 || true
    # shellcheck disable=SC2086 # a list of names
    (cd "$dir/deb" && apt-get download $packages >>../apt.log 2>&1) \
        || { say "$peer: its packages cannot be downloaded (see $dir/apt.log); it will be skipped"; return 1; }
    for package in $packages; do
        dpkg -x "$dir/deb/$package"_*.deb "$dir"
    done
    # Debian puts some programs elsewhere.
    [ -x "$program" ] || ln -sf "$(cd "$dir" && find "$PWD/usr" -type f -name "$(basename "$program")" | head -n 1)" "$program"
    [ -x "$program" ] || { say "$peer: $program was not in the packages; it will be skipped"; return 1; }
}

# Time-outs from 300 to 600 ms, as on all sides. This version cannot be told not to sync: its data lies on tmpfs.
etcd_options() {
    local i=$1
    echo --name "n$i" --data-dir "$etcd_data/n$i" --initial-cluster-token bench --log-level error \
        --listen-client-urls "http://127.0.0.1:710$i" --advertise-client-urls "http://127.0.0.1:710$i" \
        --listen-peer-urls "http://127.0.0.1:711$i" --initial-advertise-peer-urls "http://127.0.0.1:711$i" \
        --initial-cluster n1=http://127.0.0.1:7111,n2=http://127.0.0.1:7112,n3=http://127.0.0.1:7113 \
        --heartbeat-interval 50 --election-timeout 300
}

is_running() { [ -f "$dir/$1.pid" ] && kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null; }

start() {
    local peer=$1
    is_running "$peer" && { say "$peer runs already"; return 0; }
    fetch "$peer" || return 0
    export LD_LIBRARY_PATH="$PWD/$dir/usr/lib/$(uname -m)-linux-gnu"
    case $peer in
        nats) setsid "$(program_of nats)" -a 127.0.0.1 -p $nats_port >"$dir/nats.log" 2>&1 </dev/null & ;;
        redis) setsid "$(program_of redis)" --bind 127.0.0.1 --port $redis_port --save "" --appendonly no >"$dir/redis.log" 2>&1 </dev/null & ;;
        etcd?) setsid "$(program_of "$peer")" $(etcd_options "${peer#etcd}") >"$dir/$peer.log" 2>&1 </dev/null & ;;
    esac
    echo $! >"$dir/$peer.pid"
    sleep 1
    if is_running "$peer"; then say "$peer started"; else say "$peer did not start (see $dir/$peer.log); it will be skipped"; fi
}

stop() {
    local peer=$1
    is_running "$peer" || { rm -f "$dir/$peer.pid"; return 0; }
    kill "$(cat "$dir/$peer.pid")"
    rm -f "$dir/$peer.pid"
    case $peer in etcd?) rm -rf "$etcd_data/n${peer#etcd}" ;; esac
    say "$peer stopped"
}

status() { if is_running "$1"; then say "$1 runs ($(cat "$dir/$1.pid"))"; else say "$1 does not run"; fi; }

command=${1:-}
shift || true
[ $# -gt 0 ] || set -- nats redis etcd
names=()
for peer in "$@"; do
    if [ "$peer" = etcd ]; then names+=(etcd1 etcd2 etcd3); else names+=("$peer"); fi
done
set -- "${names[@]}"
case $command in
    fetch | start | stop | status) for peer in "$@"; do "$command" "$peer" || true; done ;;
    *) sed -n '2,7p' "$0"; exit 64 ;;
esac
