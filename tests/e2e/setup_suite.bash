# One cluster for all files; each test has a Kubernetes namespace of its own (see helper.bash).

setup_suite() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    [ -f "$E2E_DIR/server.pid" ] && kill -0 "$(cat "$E2E_DIR/server.pid")" 2>/dev/null && return
    "$E2E_ROOT/examples/hello/image" "$E2E_DIR/hello.tar"
    "$SAGONG" image load --data-dir "$E2E_DIR/data" "$E2E_DIR/hello.tar"
    printf 'insecure-registries: ["127.0.0.1:5055"]\nrun-dir: %s/run\n' "$E2E_DIR" >"$E2E_DIR/config.yaml"
    cluster_start
    cluster_ready
}
