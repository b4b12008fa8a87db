# Kubernetes' JavaScript client, as programs use it: what it is asked to do is in client_node.mjs.
load helper

# script NAME: runs that part against this test's namespace.
script() {
    cp "$E2E_ROOT/tests/e2e/client_node.mjs" "$BATS_TEST_TMPDIR/"
    ln -sfn "$E2E_CLIENT_NODE/node_modules" "$BATS_TEST_TMPDIR/node_modules"
    timeout 60 node "$BATS_TEST_TMPDIR/client_node.mjs" "$1" "$NS"
}

@test "client-node: create, read, list in pages, replace, delete" {
    script crud
}

@test "client-node: patch by merge, JSON and strategic merge" {
    script patch
}

@test "client-node: an informer sees what happens, and starts again after 410" {
    script informer
}

@test "client-node: refusals are its ApiException" {
    script refusals
}

@test "client-node: logs and exec" {
    script streams
}
