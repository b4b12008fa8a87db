# A second node joins over HTTPS, from another host.
load helper

on_b() {
    nsenter --net="/run/netns/$E2E_NS-b" "$@"
}

join() {
    nsenter --net="/run/netns/$E2E_NS-b" "$SAGONG" agent --server https://10.99.0.1:6443 --token "$1" --node-name node-b --data-dir "$E2E_DIR/data-b" \
        >>"$E2E_DIR/agent.log" 2>&1 3>&- 4>&- &
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
    "$SAGONG" image load --data-dir "$E2E_DIR/data-b" "$E2E_DIR/hello.tar"
    join "$(cat "$E2E_DIR/data/agent-token")"
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

    [ "$(k exec b -- hostname)" = b ]
    [ "$(kc get --raw "/api/v1/namespaces/$NS/pods/b:8080/proxy/")" = "hello from b" ]
    kill "$AGENT_PID"
    while kill -0 "$AGENT_PID" 2>/dev/null; do sleep 0.02; done
    run k exec b -- hostname
    [[ $output == *"error dialing backend: dial tcp 10.99.0.2:10250: connect: connection refused"* ]]
    run kc get --raw "/api/v1/namespaces/$NS/pods/b:8080/proxy/"
    [[ $output == *"error trying to reach service: dial tcp 10.99.0.2:10250: connect: connection refused"* ]]
    join none # to end its pods
}

# way CERTIFICATE KEY: what the agent finds when it starts.
way() {
    jq -n --arg ca "$(base64 -w0 "$E2E_DIR/data/pki/ca.crt")" --arg cert "$(base64 -w0 "$1")" --arg key "$(base64 -w0 "$2")" '{
        apiVersion: "v1", kind: "Config", "current-context": "c",
        clusters: [{name: "c", cluster: {server: "https://10.99.0.1:6443", "certificate-authority-data": $ca}}],
        users: [{name: "u", user: {"client-certificate-data": $cert, "client-key-data": $key}}],
        contexts: [{name: "c", context: {cluster: "c", user: "u"}}]}' >"$E2E_DIR/data-b/agent.kubeconfig"
}

renewed() {
    ! grep -q "$(base64 -w0 "$BATS_TEST_TMPDIR/tls.crt")" "$E2E_DIR/data-b/agent.kubeconfig"
}

@test "a node renews its certificate by itself, at its start and while it runs" {
    mkdir -p "$E2E_DIR/data-b"
    certificate /O=system:nodes/CN=system:node:node-b '10 hours ago' '1 hour'
    way "$BATS_TEST_TMPDIR/tls.crt" "$BATS_TEST_TMPDIR/tls.key"
    join none
    eventually 10 renewed
    eventually 10 kc get node node-b
    kc wait --for=condition=Ready node/node-b --timeout=20s
    kill "$AGENT_PID"
    while kill -0 "$AGENT_PID" 2>/dev/null; do sleep 0.02; done

    certificate /O=system:nodes/CN=system:node:node-b "$((7200 - 8)) seconds ago" "$((3600 + 8)) seconds"
    way "$BATS_TEST_TMPDIR/tls.crt" "$BATS_TEST_TMPDIR/tls.key"
    join none
    sleep 1
    ! renewed
    eventually 20 renewed
    grep -q 'starting anew to renew a certificate' "$E2E_DIR/agent.log"
    kill -0 "$AGENT_PID"
}

@test "a wrong token is refused" {
    run timeout 10 nsenter --net="/run/netns/$E2E_NS-b" "$SAGONG" agent --server https://10.99.0.1:6443 --token wrong --node-name node-b --data-dir "$BATS_TEST_TMPDIR"
    [ "$status" != 0 ]
    [[ $output == *nauthorized* ]]
}

@test "network policies hold on every node" {
    "$SAGONG" image load --data-dir "$E2E_DIR/data-b" "$E2E_DIR/hello.tar"
    join "$(cat "$E2E_DIR/data/agent-token")"
    eventually 10 kc get node node-b
    kc wait --for=condition=Ready node/node-b --timeout=20s
    here=$(kc get nodes -o name | grep -v node-b)
    k run server --image=sagong.local/hello:1 --overrides="{\"spec\":{\"nodeName\":\"${here#node/}\"}}"
    k run friend --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-b"}}'
    k run stranger --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-b"}}'
    k wait --for=condition=Ready pod --all --timeout=20s
    reaches() { k exec "$1" -- timeout 2 wget -q -O- "http://$(value "pod/$2" '{.status.podIP}'):8080/"; }
    refused() { ! reaches "$1" "$2"; }
    reaches stranger server
    k create -f - <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends}
spec:
  podSelector: {matchLabels: {run: server}}
  ingress:
  - from: [{podSelector: {matchLabels: {run: friend}}}]
    ports: [{port: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: quiet}
spec:
  podSelector: {matchLabels: {run: stranger}}
  policyTypes: [Egress]
YAML
    eventually 20 refused stranger server # by the server's node and by its own
    eventually 20 refused stranger friend
    reaches friend server
    curl -sS -m 2 "http://$(value pod/server '{.status.podIP}'):8080/" # its own node
    # From its first moment.
    k run early --image=sagong.local/hello:1 --labels=run=stranger --restart=Never --overrides='{"spec":{"nodeName":"node-b"}}' --command -- \
        sh -c "timeout 1 wget -q -O- http://$(value pod/server '{.status.podIP}'):8080/; true"
    phase early Succeeded
    [[ $(k logs early) != *hello* ]]
    k label pod stranger run=friend --overwrite
    eventually 20 reaches stranger server
    k delete networkpolicy friends
    k label pod stranger run=stranger --overwrite
    k delete networkpolicy quiet
    eventually 20 reaches stranger server
}
