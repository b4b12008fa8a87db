# load helper: what every file uses.
. "$E2E_ROOT/tests/e2e/cluster.bash"

setup() {
    NS=t-$BATS_TEST_NUMBER-$RANDOM
    kc create namespace "$NS" >/dev/null
}

teardown() {
    if [ -z "$BATS_TEST_COMPLETED" ]; then
        kc get all,events -n "$NS" || true
        kc describe pods -n "$NS" | tail -n 60 || true
    fi
    kc delete namespace "$NS" --wait=false >/dev/null 2>&1 || true
}

k() {
    kc -n "$NS" "$@"
}

# pod NAME ARGS...: a pod of the example's image that runs a shell command.
pod() {
    local name=$1
    shift
    k run "$name" --image=sagong.local/hello:1 --restart=Never --command -- sh -c "trap exit TERM; $*"
}

pod_ready() {
    k wait --for=condition=Ready "pod/$1" --timeout=20s
}

# phase POD PHASE: waits for it.
phase() {
    k wait --for=jsonpath='{.status.phase}'="$2" "pod/$1" --timeout=20s
}

# value OBJECT JSONPATH
value() {
    k get "$1" -o jsonpath="$2"
}
