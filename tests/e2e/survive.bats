# The server may die at any moment.
load helper

@test "kill -9: containers run on, and are adopted" {
    k run steady --image=sagong.local/hello:1
    pod_ready steady
    before=$(value pod/steady '{.status.containerStatuses[0].containerID} {.status.podIP}')
    pids=$(pgrep -f 'httpd -f -p 8080' | sort)
    [ -n "$pids" ]
    cluster_kill
    [ "$(pgrep -f 'httpd -f -p 8080' | sort)" = "$pids" ]
    cluster_start
    cluster_ready
    [ "$(pgrep -f 'httpd -f -p 8080' | sort)" = "$pids" ]
    [ "$(value pod/steady '{.status.containerStatuses[0].containerID} {.status.podIP}')" = "$before" ]
    [ "$(value pod/steady '{.status.containerStatuses[0].restartCount}')" = 0 ]
    curl -sS -m 5 "http://${before#* }:8080/"
    k delete pod steady --now
}

@test "kill -9: a container that ended meanwhile is noticed" {
    pod brief 'sleep 2; exit 7'
    pod_ready brief
    cluster_kill
    sleep 2.5
    cluster_start
    cluster_ready
    phase brief Failed
    [ "$(value pod/brief '{.status.containerStatuses[0].state.terminated.exitCode}')" = 7 ]
}

@test "kill -9: what was acknowledged is there" {
    for round in 1 2 3; do
        for i in $(seq 10); do
            k create configmap "c$round-$i" --from-literal=i="$i" >/dev/null && echo "c$round-$i"
        done >"$BATS_TEST_TMPDIR/acknowledged" &
        sleep 0.$((RANDOM % 5))
        cluster_kill
        wait
        cluster_start
        cluster_ready
        while read -r name; do k get configmap "$name" >/dev/null; done <"$BATS_TEST_TMPDIR/acknowledged"
    done
}
