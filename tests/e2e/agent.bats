# A second node joins over HTTPS, from another host.
load helper

on_b() {
    nsenter --net="/run/netns/$E2E_NS-b" "$@"
}

join() {
    token=$(kc create token sagong-agent -n kube-system --duration=1h 2>/dev/null || cat "$E2E_DIR/data/agent-token")
    "$SAGONG" image load --data-dir "$E2E_DIR/data-b" "$E2E_DIR/hello.tar"
    on_b "$SAGONG" agent --server https://10.99.0.1:6443 --token "$token" --node-name node-b --data-dir "$E2E_DIR/data-b" \
        >>"$E2E_DIR/agent.log" 2>&1 3>&- &
    AGENT_PID=$!
}

teardown() {
    [ -n "$BATS_TEST_COMPLETED" ] || { kc get nodes -o wide; k get pods -o wide; tail -n 40 "$E2E_DIR/agent.log"; }
    kc delete namespace "$NS" --timeout=20s || true
    [ -z "${AGENT_PID:-}" ] || kill "$AGENT_PID" || true
    on_b "$SAGONG" down --data-dir "$E2E_DIR/data-b" || true
    kc delete node node-b || true
}

@test "a node joins, and pods reach each other across nodes" {
    join
    eventually 10 kc get node node-b
    kc wait --for=condition=Ready node/node-b --timeout=20s
    here=$(kc get nodes -o name | grep -v node-b)
    k run a --image=sagong.local/hello:1 --overrides="{\"spec\":{\"nodeName\":\"${here#node/}\"}}"
    k run b --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-b"}}'
    pod_ready a
    pod_ready b
    k run from-b --image=sagong.local/hello:1 --restart=Never --overrides='{"spec":{"nodeName":"node-b"}}' --command -- \
        timeout 5 wget -q -O- "http://$(value pod/a '{.status.podIP}'):8080/"
    k run from-a --image=sagong.local/hello:1 --restart=Never --overrides="{\"spec\":{\"nodeName\":\"${here#node/}\"}}" --command -- \
        timeout 5 wget -q -O- "http://$(value pod/b '{.status.podIP}'):8080/"
    phase from-a Succeeded
    phase from-b Succeeded
    [ "$(k logs from-a)" = "hello from b" ]
    [ "$(k logs from-b)" = "hello from a" ]
}

@test "a wrong token is refused" {
    run timeout 10 nsenter --net="/run/netns/$E2E_NS-b" "$SAGONG" agent --server https://10.99.0.1:6443 --token wrong --node-name node-b --data-dir "$BATS_TEST_TMPDIR"
    [ "$status" != 0 ]
    [[ $output == *nauthorized* ]]
}
