# Pods are real containers.
load helper

@test "a pod runs, and its output is its log" {
    pod one 'echo out; echo err >&2; sleep 1000'
    pod_ready one
    run k logs one
    [[ $output == *out* && $output == *err* ]]
}

@test "exit codes and reasons are in the status" {
    pod good 'exit 0'
    pod bad 'exit 3'
    phase good Succeeded
    phase bad Failed
    [ "$(value pod/good '{.status.containerStatuses[0].state.terminated.reason}')" = Completed ]
    [ "$(value pod/bad '{.status.containerStatuses[0].state.terminated.reason}')" = Error ]
    [ "$(value pod/bad '{.status.containerStatuses[0].state.terminated.exitCode}')" = 3 ]
}

@test "a container that fails is started again, with back-off" {
    k run again --image=sagong.local/hello:1 --command -- sh -c 'exit 1'
    eventually 20 restarted again 1
    eventually 30 has_reason again CrashLoopBackOff
    k logs again --previous
}

restarted() {
    [ "$(value "pod/$1" '{.status.containerStatuses[0].restartCount}')" -ge "$2" ]
}

has_reason() {
    [ "$(value "pod/$1" '{.status.containerStatuses[0].state.waiting.reason}')" = "$2" ]
}

@test "namespaces of its own: processes, host name, network" {
    pod own 'sleep 1000'
    pod_ready own
    pod look 'ps | wc -l; hostname; ip -o link show'
    phase look Succeeded
    run k logs look
    [ "${lines[0]}" -lt 6 ]
    [ "${lines[1]}" = look ]
    [[ $output == *eth0* ]]
}

@test "command, arguments, environment, directory and user" {
    k apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: env}
spec:
  restartPolicy: Never
  securityContext: {runAsUser: 1234, runAsGroup: 2345}
  containers:
  - name: main
    image: sagong.local/hello:1
    workingDir: /tmp
    command: [sh, -c]
    args: ['echo \$WHO \$(WHO) \$POD; pwd; id -u; id -g']
    env:
    - {name: WHO, value: world}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
YAML
    phase env Succeeded
    run k logs env
    [ "${lines[0]}" = "world world env" ]
    [ "${lines[1]}" = /tmp ]
    [ "${lines[2]}" = 1234 ]
    [ "${lines[3]}" = 2345 ]
}

@test "the kernel enforces the memory limit" {
    k run greedy --image=sagong.local/hello:1 --restart=Never \
        --overrides='{"spec":{"containers":[{"name":"greedy","image":"sagong.local/hello:1","command":["sh","-c","tail /dev/zero"],"resources":{"limits":{"memory":"16Mi"}}}]}}'
    phase greedy Failed
    [ "$(value pod/greedy '{.status.containerStatuses[0].state.terminated.reason}')" = OOMKilled ]
    [ "$(value pod/greedy '{.status.containerStatuses[0].state.terminated.exitCode}')" = 137 ]
}

@test "init containers run first, one after the other" {
    k apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: init}
spec:
  restartPolicy: Never
  volumes: [{name: shared, emptyDir: {}}]
  initContainers:
  - {name: first, image: 'sagong.local/hello:1', command: [sh, -c, 'echo 1 >> /s/f'], volumeMounts: [{name: shared, mountPath: /s}]}
  - {name: second, image: 'sagong.local/hello:1', command: [sh, -c, 'echo 2 >> /s/f'], volumeMounts: [{name: shared, mountPath: /s}]}
  containers:
  - {name: main, image: 'sagong.local/hello:1', command: [cat, /s/f], volumeMounts: [{name: shared, mountPath: /s}]}
YAML
    phase init Succeeded
    [ "$(k logs init)" = $'1\n2' ]
}

@test "config maps and secrets as environment and files" {
    k create configmap settings --from-literal=colour=blue
    k create secret generic keys --from-literal=password=hunter2
    k apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: conf}
spec:
  restartPolicy: Never
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: keys, secret: {secretName: keys, defaultMode: 0400}}
  containers:
  - name: main
    image: sagong.local/hello:1
    command: [sh, -c, 'echo $COLOUR; cat /settings/colour; echo; cat /keys/password']
    env: [{name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}]
    securityContext: {runAsUser: 0}
    volumeMounts: [{name: settings, mountPath: /settings}, {name: keys, mountPath: /keys}]
YAML
    phase conf Succeeded
    run k logs conf
    [ "$output" = $'blue\nblue\nhunter2' ]
}

@test "a pod that is deleted gets its grace, then goes" {
    pod polite 'trap "echo bye; sleep 1; exit 0" TERM; while :; do sleep 0.1; done'
    pod_ready polite
    k logs -f polite >"$BATS_TEST_TMPDIR/log" &
    sleep 0.3
    k delete pod polite --grace-period=10
    wait
    grep -q bye "$BATS_TEST_TMPDIR/log"
}

@test "deleting a deployment takes its replica sets and pods along" {
    k create deployment web --image=sagong.local/hello:1 --replicas=2
    k wait --for=condition=Available deployment/web --timeout=20s
    k delete deployment web
    eventually 20 none_left
}

none_left() {
    [ -z "$(k get replicasets,pods -o name)" ]
}

@test "an orphaning delete leaves the pods" {
    k create deployment web --image=sagong.local/hello:1
    k wait --for=condition=Available deployment/web --timeout=20s
    k delete deployment web --cascade=orphan
    [ -n "$(k get replicasets -o name)" ]
    sleep 1
    [ -n "$(k get pods -o name)" ]
}
