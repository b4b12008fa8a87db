# Starting and stopping the cluster under test. Sourced by the run script, the suite's set-up and the tests.

cluster_start() {
    "$SAGONG" server --node --data-dir "$E2E_DIR/data" --listen 0.0.0.0:6443 --kubeconfig-out "$KUBECONFIG" \
        --config "$E2E_DIR/config.yaml" >>"$E2E_DIR/server.log" 2>&1 3>&- 4>&- &
    echo $! >"$E2E_DIR/server.pid"
    disown
}

cluster_pid() {
    cat "$E2E_DIR/server.pid"
}

# The server is killed as a power cut would: at once.
cluster_kill() {
    kill -9 "$(cluster_pid)"
    while kill -0 "$(cluster_pid)" 2>/dev/null; do sleep 0.02; done
}

cluster_ready() {
    eventually 20 kc get --raw /readyz
    eventually 20 kc wait --for=condition=Ready node --all --timeout=1s
}

# Stops the server and removes its containers, mounts, cgroups and network.
cluster_remove() {
    [ -f "$E2E_DIR/server.pid" ] || return 0
    kill "$(cluster_pid)" 2>/dev/null || true
    nsenter --net="/run/netns/$E2E_NS" "$SAGONG" down --data-dir "$E2E_DIR/data" --config "$E2E_DIR/config.yaml" >>"$E2E_DIR/server.log" 2>&1 || true
    rm "$E2E_DIR/server.pid"
}

kc() {
    "$E2E_KUBECTL" "$@"
}

# eventually SECONDS COMMAND...: until it succeeds. Prints what it said last when it never does.
eventually() {
    local end=$((SECONDS + $1))
    shift
    until said=$("$@" 2>&1); do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "still failing: $*"
            echo "$said"
            return 1
        fi
        sleep 0.1
    done
    echo "$said"
}
