# exec, attach and port-forward, by kubectl's WebSockets (as it does now) and by SPDY (as it did before 1.31).
load helper

bats_require_minimum_version 1.5.0

setup_file() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    kc create namespace streams
    kc -n streams run one --image=sagong.local/hello:1 --restart=Never --command -- \
        sh -c 'trap exit TERM; httpd -p 8090 -h /bin; while :; do sleep 1; done'
    kc -n streams wait --for=condition=Ready pod/one --timeout=20s
}

teardown_file() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    kc delete namespace streams --wait=false
}

# both COMMAND...: with WebSockets and with SPDY.
both() {
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true KUBECTL_PORT_FORWARD_WEBSOCKETS=true "$@"
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false KUBECTL_PORT_FORWARD_WEBSOCKETS=false "$@"
}

s() {
    kc -n streams "$@"
}

outputs_and_exit_code() {
    run --separate-stderr s exec one -- sh -c 'echo out; echo err >&2; exit 3'
    [ "$status" = 3 ]
    [ "$output" = out ]
    [[ $stderr == *err* ]]
}

@test "exec: output, errors and exit code" {
    both outputs_and_exit_code
}

input_until_its_end() {
    [ "$(head -c 20000000 /dev/zero | s exec -i one -- wc -c)" = 20000000 ]
}

@test "exec: input is read to its end" {
    both input_until_its_end
}

much_output() {
    [ "$(s exec one -- dd if=/dev/zero bs=1M count=20 2>/dev/null | wc -c)" = 20971520 ]
}

@test "exec: much output comes whole" {
    both much_output
}

terminal() {
    run script -qec "stty rows 31 cols 97; $E2E_KUBECTL -n streams exec -it one -- sh -c 'tty; sleep 0.5; stty size; echo \$TERM; exit 5'" /dev/null
    [ "$status" = 5 ]
    [[ $output == *"/dev/pts/"* && $output == *"31 97"* && $output == *xterm* ]]
}

@test "exec: a terminal, with its size" {
    both terminal
}

failures() {
    run s exec one -- no-such-command
    [ "$status" = 1 ]
    [[ $output == *"error executing command in container"*no-such-command* ]]
    run s exec one -c nobody -- true
    [[ $output == *"container nobody is not valid for pod one"* ]]
    run s exec nobody -- true
    [[ $output == *'pods "nobody" not found'* ]]
}

@test "exec: what fails says why" {
    both failures
}

# running PROGRAM: whether the pod runs it.
running() {
    s exec one -- ps | grep -q " $1\$"
}

gone() {
    ! running "$1"
}

vanishing_client() {
    # something that waits for input, and something that only its terminal can tell
    sleep 15 | s exec -i one -- wc -c >/dev/null 2>&1 3>&- 4>&- &
    script -qec "exec $E2E_KUBECTL -n streams exec -it one -- sleep 54321" /dev/null >/dev/null 2>&1 3>&- 4>&- &
    eventually 5 running "wc -c"
    eventually 5 running "sleep 54321"
    pkill -9 -f "$E2E_KUBECTL -n streams exec -i one -- wc" || true
    pkill -9 -f "$E2E_KUBECTL -n streams exec -it one -- sleep 54321" || true
    eventually 5 gone "wc -c"
    eventually 5 gone "sleep 54321"
}

@test "exec: a command is told that its client has vanished" {
    both vanishing_client
}

slow_reader() {
    local before after
    before=$(awk '/VmRSS/ {print $2}' "/proc/$(cluster_pid)/status")
    [ "$(s exec one -- dd if=/dev/zero bs=1M count=100 2>/dev/null | { sleep 2; awk '/VmRSS/ {print $2}' "/proc/$(cluster_pid)/status" >"$BATS_TEST_TMPDIR/rss"; wc -c; })" = 104857600 ]
    after=$(cat "$BATS_TEST_TMPDIR/rss")
    [ $((after - before)) -lt 20000 ] # KiB
}

@test "exec: a slow reader holds back the command, and takes no memory" {
    both slow_reader
}

@test "cp: files both ways" {
    head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/file"
    s cp "$BATS_TEST_TMPDIR/file" one:/tmp/file
    s cp one:/tmp/file "$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/back"
}

attached_input() {
    [ "$(echo word | s run "in-$RANDOM" --image=sagong.local/hello:1 --restart=Never -i --rm -q --command -- \
        sh -c 'read x; echo "got $x"')" = "got word" ]
}

@test "attach: a container's own input and output" {
    both attached_input
}

forwarded() {
    s port-forward pod/one 18090:8090 18091:8099 >"$BATS_TEST_TMPDIR/forward" 2>&1 3>&- 4>&- &
    local forward=$!
    eventually 5 curl -sf -o "$BATS_TEST_TMPDIR/got" http://127.0.0.1:18090/busybox
    cmp "$BATS_TEST_TMPDIR/got" /bin/busybox
    run ! curl -s http://127.0.0.1:18091/
    kill "$forward" || true # it gives up by itself once a port refuses
    wait "$forward" || true
    grep "dial tcp4 127.0.0.1:8099: connect: connection refused" "$BATS_TEST_TMPDIR/forward"
}

@test "port-forward: connections to a pod's loopback; a port that refuses" {
    both forwarded
}

@test "debug: an ephemeral container joins a pod that runs, and sees its processes" {
    [[ $(echo 'ps; exit 0' | s debug one -i -q --image=sagong.local/hello:1 --target=one -c one-look --profile=general -- sh) == *"httpd -p 8090"* ]]
    eventually 5 ended one-look
    [ "$(s get pod one -o jsonpath='{.status.phase} {.status.containerStatuses[0].restartCount}')" = "Running 0" ]
    run s debug one --image=sagong.local/hello:1 --target=nobody -c other --profile=general
    [[ $output == *'ephemeralContainers[1].targetContainerName'* ]]
}

ended() {
    [ "$(s get pod one -o jsonpath="{.status.ephemeralContainerStatuses[?(@.name==\"$1\")].state.terminated.reason}")" = Completed ]
}
