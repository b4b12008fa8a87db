# A cluster of a file's own, on two hosts that are network namespaces side by side: a server with a node on `a`, an agent
# on `b`. Loaded after helper.bash by files whose cluster has other families of addresses than the suite's; they set
# HOSTS (a name), CLUSTER_CIDR, SERVICE_CIDR (as YAML lists) and ADDRESSES (PREFIX/BITS; the hosts are PREFIX1 and PREFIX2).

# on HOST COMMAND...
on() {
    local host=$1
    shift
    nsenter --net="/run/netns/$E2E_NS-$HOSTS-$host" "$@"
}

kc() {
    on a "$E2E_KUBECTL" --kubeconfig "$E2E_DIR/$HOSTS/kubeconfig" "$@"
}

host_config() {
    cat <<YAML
run-dir: $E2E_DIR/$HOSTS/run-$1
pod-log-dir: $E2E_DIR/$HOSTS/logs-$1
cgroup-root: /$E2E_NS-$HOSTS-$1
node-name: node-$1
cluster-cidr: $CLUSTER_CIDR
service-cidr: $SERVICE_CIDR
YAML
}

# host_run a|b SUBCOMMAND FLAGS...: in the background.
host_run() {
    local host=$1 what=$2
    shift 2
    nsenter --net="/run/netns/$E2E_NS-$HOSTS-$host" "$SAGONG" "$what" --data-dir "$E2E_DIR/$HOSTS/data-$host" --config "$E2E_DIR/$HOSTS/$host.yaml" "$@" \
        >>"$E2E_DIR/$HOSTS/$host.log" 2>&1 3>&- 4>&- &
    echo $! >"$E2E_DIR/$HOSTS/$host.pid"
    disown
}

host_start() {
    if [ "$1" = a ]; then
        host_run a server --kubeconfig-out "$E2E_DIR/$HOSTS/kubeconfig"
    else
        host_run b agent --server "https://$SERVER:6443" --token "$(cat "$E2E_DIR/$HOSTS/data-a/agent-token")"
    fi
}

# host_end SIGNAL HOST
host_end() {
    local pid
    pid=$(cat "$E2E_DIR/$HOSTS/$2.pid")
    kill "-$1" "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
}

both_ready() {
    [ "$(kc get nodes -o jsonpath='{.items[*].status.conditions[?(@.type=="Ready")].status}')" = "True True" ]
}

hosts_start() {
    local host n=0 address
    mkdir -p "$E2E_DIR/$HOSTS"
    for host in a b; do ip netns add "$E2E_NS-$HOSTS-$host"; done
    ip -n "$E2E_NS-$HOSTS-a" link add eth0 type veth peer name eth0 netns "$E2E_NS-$HOSTS-b"
    for host in a b; do
        n=$((n + 1))
        ip -n "$E2E_NS-$HOSTS-$host" link set lo up
        for address in $ADDRESSES; do
            case $address in *:*) on "$host" ip addr add "${address%/*}$n/${address#*/}" dev eth0 nodad ;; *) on "$host" ip addr add "${address%/*}$n/${address#*/}" dev eth0 ;; esac
        done
        on "$host" ip link set eth0 up
        host_config "$host" >"$E2E_DIR/$HOSTS/$host.yaml"
        "$SAGONG" image load --data-dir "$E2E_DIR/$HOSTS/data-$host" "$E2E_DIR/hello.tar"
    done
    host_start a
    eventually 20 kc get --raw /readyz
    eventually 5 test -s "$E2E_DIR/$HOSTS/data-a/agent-token"
    host_start b
    eventually 20 both_ready
}

hosts_end() {
    local host
    for host in b a; do
        host_end TERM "$host"
        on "$host" "$SAGONG" down --data-dir "$E2E_DIR/$HOSTS/data-$host" --config "$E2E_DIR/$HOSTS/$host.yaml" || true
        ip netns del "$E2E_NS-$HOSTS-$host"
    done
}

setup() {
    NS=t-$BATS_TEST_NUMBER-$RANDOM
    kc create namespace "$NS" >/dev/null
    eventually 5 kc -n "$NS" get serviceaccount default >/dev/null # no pods before
}

# server_pod NAME NODE: the example's web server, on that node.
server_pod() {
    k run "$1" --image=sagong.local/hello:1 --labels="run=$1" --port=8080 --overrides="{\"spec\":{\"nodeName\":\"$2\"}}"
}

# fetch HOST URL: from a host.
fetch() {
    on "$1" curl -gsS -m 2 "$2"
}

# pod_fetch POD URL: from a pod.
pod_fetch() {
    k exec "$1" -- timeout 2 wget -q -O- "$2"
}

# pod_ip POD INDEX
pod_ip() {
    value "pod/$1" "{.status.podIPs[$2].ip}"
}
