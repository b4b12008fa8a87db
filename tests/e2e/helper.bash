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

# certificate SUBJECT FROM UNTIL: tls.key and tls.crt in this test's directory, signed by the cluster's authority, for a
# client between two times (as `date -d` reads them).
certificate() {
    local dir=$BATS_TEST_TMPDIR/issued
    mkdir -p "$dir"
    : >"$dir/index"
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\nO=optional\nCN=supplied\n[x]\nextendedKeyUsage=clientAuth\n' \
        "$dir" "$dir" >"$dir/config"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$1" -keyout "$BATS_TEST_TMPDIR/tls.key" -out "$dir/csr" 2>/dev/null
    openssl ca -batch -notext -config "$dir/config" -cert "$E2E_DIR/data/pki/ca.crt" -keyfile "$E2E_DIR/data/pki/ca.key" \
        -startdate "$(date -u -d "$2" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$3" +%Y%m%d%H%M%SZ)" \
        -in "$dir/csr" -out "$BATS_TEST_TMPDIR/tls.crt" 2>"$dir/log" || { cat "$dir/log"; return 1; }
}

# nobody: the kubeconfig without the credentials of its user.
nobody() {
    sed '/client-.*-data:/d' "$KUBECONFIG"
}

# value OBJECT JSONPATH
value() {
    k get "$1" -o jsonpath="$2"
}
