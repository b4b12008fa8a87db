# The two commands of the README, on the second host.

on_b() {
    nsenter --net="/run/netns/$E2E_NS-b" "$@"
}

setup_file() {
    cat >"$E2E_DIR/up.yaml" <<YAML
run-dir: $E2E_DIR/up-run
pod-log-dir: $E2E_DIR/up-logs
cgroup-root: /sagong-up-$$
node-name: up
YAML
}

up() {
    on_b "$SAGONG" up --data-dir "$E2E_DIR/up" --config "$E2E_DIR/up.yaml" --kubeconfig-out "$E2E_DIR/up.kubeconfig" \
        --log "$E2E_DIR/up.log" --image "$E2E_DIR/hello.tar" --apply "$E2E_ROOT/examples/hello/hello.yaml" 3>&-
}

down() {
    on_b "$SAGONG" down --data-dir "$E2E_DIR/up" --config "$E2E_DIR/up.yaml"
}

teardown_file() {
    down || true
}

@test "up: the node is ready within two seconds, and the example answers" {
    run up
    echo "$output"
    [ "$status" = 0 ]
    ready=$(sed -n 's/^node ready *\([0-9.]*\) s$/\1/p' <<<"$output")
    awk "BEGIN { exit !($ready < 2) }"
    [[ $output == *"export KUBECONFIG=$E2E_DIR/up.kubeconfig"* ]]
    url=$(sed -n 's/^ *\(http:[^ ]*\)$/\1/p' <<<"$output" | head -n 1)
    run on_b curl -sS -m 5 "$url/"
    [[ $output == "hello from hello-"* ]]
}

@test "up again changes nothing" {
    before=$(on_b "$E2E_KUBECTL" --kubeconfig "$E2E_DIR/up.kubeconfig" get pods -o name)
    run up
    [ "$status" = 0 ]
    [[ $output == *"runs on $E2E_DIR/up already"* ]]
    [ "$(on_b "$E2E_KUBECTL" --kubeconfig "$E2E_DIR/up.kubeconfig" get pods -o name)" = "$before" ]
}

@test "down leaves nothing behind, and may be said again" {
    down
    ! pgrep -f "data-dir $E2E_DIR/up "
    ! grep -q "$E2E_DIR/up" /proc/mounts
    ! on_b ip link show sagong0
    [ -z "$(on_b nft list ruleset)" ]
    down
}

@test "the cluster is there again after the next up" {
    run up
    [ "$status" = 0 ]
    on_b "$E2E_KUBECTL" --kubeconfig "$E2E_DIR/up.kubeconfig" wait --for=jsonpath='{.status.availableReplicas}'=2 deployment/hello --timeout=20s
}
