# What people type. Each verb of kubectl, as it comes.
load helper

deploy() {
    k create deployment web --image=sagong.local/hello:1 --replicas="${1:-1}" --port=8080
    k rollout status deployment/web --timeout=20s
}

@test "version, cluster-info, api-versions, api-resources" {
    kc version | grep -q 'Server Version: v1.36'
    kc cluster-info | grep -q 'Kubernetes control plane.* is running at'
    kc api-versions | grep -qx apps/v1
    kc api-resources | grep -q '^deployments *deploy *apps/v1 *true *Deployment'
    kc api-resources --namespaced=false | grep -q '^nodes *no *v1 *false *Node'
}

@test "get: tables, wide, and every other form" {
    deploy 2
    run k get deployments
    [[ ${lines[0]} =~ ^NAME\ +READY\ +UP-TO-DATE\ +AVAILABLE\ +AGE$ ]]
    [[ ${lines[1]} =~ ^web\ +2/2\ +2\ +2\ +[0-9]+s$ ]]
    run k get deployments -o wide
    [[ ${lines[0]} == *"CONTAINERS"*"IMAGES"*"SELECTOR"* ]]
    run k get pods
    [[ ${lines[0]} =~ ^NAME\ +READY\ +STATUS\ +RESTARTS\ +AGE$ ]]
    [[ ${lines[1]} =~ ^web-[a-z0-9]+-[a-z0-9]{5}\ +1/1\ +Running\ +0\ +[0-9]+s$ ]]
    run k get pods -o wide
    [[ ${lines[0]} == *"IP"*"NODE"*"NOMINATED NODE"*"READINESS GATES"* ]]
    [ "$(k get deployment web -o yaml | grep -c '^kind: Deployment')" = 1 ]
    [ "$(k get deployment web -o json | jq -r .spec.replicas)" = 2 ]
    [ "$(k get deployment web -o name)" = deployment.apps/web ]
    [ "$(k get deployment web -o jsonpath='{.metadata.name}')" = web ]
    run k get deployment -o custom-columns=NAME:.metadata.name,N:.spec.replicas
    [[ ${lines[1]} =~ ^web\ +2$ ]]
}

@test "get: selectors, all namespaces, labels" {
    deploy 2
    [ "$(k get pods -l app=web -o name | wc -l)" = 2 ]
    [ "$(k get pods -l 'app in (other)' -o name | wc -l)" = 0 ]
    [ "$(k get pods --field-selector status.phase=Running -o name | wc -l)" = 2 ]
    [ "$(k get pods --field-selector metadata.name=none -o name | wc -l)" = 0 ]
    kc get pods -A | grep -q "^$NS "
    k get pods --show-labels | grep -q 'app=web,pod-template-hash='
    run k get pods --field-selector spec.colour=red
    [ "$status" = 1 ]
    [[ $output == *"field label not supported: spec.colour"* ]]
}

@test "get -w shows what happens" {
    k get configmaps -w --output-watch-events >"$BATS_TEST_TMPDIR/watch" 3>&- &
    pid=$!
    eventually 5 grep -q kube-root-ca.crt "$BATS_TEST_TMPDIR/watch"
    k create configmap one --from-literal=a=b
    k label configmap one x=y
    k delete configmap one
    eventually 5 grep -q '^DELETED  *one' "$BATS_TEST_TMPDIR/watch"
    kill $pid
    grep -q '^ADDED  *one' "$BATS_TEST_TMPDIR/watch"
    grep -q '^MODIFIED  *one' "$BATS_TEST_TMPDIR/watch"
}

@test "describe" {
    deploy
    run k describe deployment web
    [[ $output == *"StrategyType:"*"RollingUpdate"* ]]
    [[ $output == *"ScalingReplicaSet"*"Scaled up replica set web-"*"from 0 to 1"* ]]
    run k describe pods -l app=web
    [[ $output == *"Controlled By:  ReplicaSet/web-"* ]]
    [[ $output == *"Scheduled"*"Successfully assigned $NS/web-"* ]]
    [[ $output == *"Started"* ]]
    kc describe node | grep -q 'KubeletReady'
    kc describe namespace "$NS" | grep -q 'Status: *Active'
    k expose deployment web --port=80 --target-port=8080
    endpoints() { k describe service web | grep -q 'Endpoints: *10\.244'; }
    eventually 5 endpoints
}

@test "create, replace, delete with a file" {
    k create -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}}'
    run k create configmap c
    [ "$status" = 1 ]
    [[ $output == *'configmaps "c" already exists'* ]]
    k get configmap c -o json | jq '.data.a = "2"' | k replace -f -
    [ "$(value configmap/c '{.data.a}')" = 2 ]
    k get configmap c -o json | k delete -f -
    run k get configmap c
    [[ $output == *'configmaps "c" not found'* ]]
}

@test "apply: create, change, remove a field, leave alone what others set" {
    k apply -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1","b":"2"}}' | grep -q created
    k patch configmap c --type=merge -p '{"data":{"other":"3"}}'
    k apply -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"9"}}' | grep -q configured
    [ "$(k get configmap c -o json | jq -c .data)" = '{"a":"9","other":"3"}' ]
    k apply -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"9"}}' | grep -q unchanged
}

@test "apply: a deployment, changed through strategic merge" {
    deploy
    k get deployment web -o json | jq 'del(.status,.metadata.uid,.metadata.resourceVersion)' >"$BATS_TEST_TMPDIR/web.json"
    k apply -f "$BATS_TEST_TMPDIR/web.json"
    jq '.spec.template.spec.containers[0].env = [{"name":"A","value":"1"}]' "$BATS_TEST_TMPDIR/web.json" | k apply -f -
    [ "$(value deployment/web '{.spec.template.spec.containers[0].env[0].value}')" = 1 ]
    [ "$(value deployment/web '{.spec.template.spec.containers[0].image}')" = sagong.local/hello:1 ]
}

@test "edit" {
    k create configmap c --from-literal=a=1
    EDITOR="sed -i s/^..a:.*/\ \ a:\ two/" k edit configmap c
    [ "$(value configmap/c '{.data.a}')" = two ]
}

@test "patch: strategic, merge, JSON" {
    deploy
    k patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"hello","env":[{"name":"A","value":"1"}]}]}}}}'
    [ "$(value deployment/web '{.spec.template.spec.containers[*].name}')" = hello ]
    k patch deployment web --type=merge -p '{"metadata":{"annotations":{"x":"y"}}}'
    [ "$(value deployment/web '{.metadata.annotations.x}')" = y ]
    k patch deployment web --type=json -p '[{"op":"replace","path":"/spec/replicas","value":2}]'
    [ "$(value deployment/web '{.spec.replicas}')" = 2 ]
    run k patch deployment web --type=json -p '[{"op":"test","path":"/spec/replicas","value":3}]'
    [ "$status" = 1 ]
}

@test "label and annotate" {
    k create configmap c
    k label configmap c colour=blue
    run k label configmap c colour=red
    [ "$status" = 1 ]
    k label configmap c colour=red --overwrite
    k annotate configmap c note='a b'
    [ "$(value configmap/c '{.metadata.labels.colour} {.metadata.annotations.note}')" = "red a b" ]
    k label configmap c colour-
    [ -z "$(value configmap/c '{.metadata.labels.colour}')" ]
    run k label configmap c 'colour=not a label'
    [[ $output == *"a valid label must be an empty string or consist of alphanumeric characters"* ]]
}

@test "scale" {
    deploy
    k scale deployment web --replicas=3
    k rollout status deployment/web --timeout=20s
    [ "$(k get pods -l app=web -o name | wc -l)" = 3 ]
    k scale deployment web --current-replicas=3 --replicas=0
    gone() { [ -z "$(k get pods -l app=web -o name)" ]; }
    eventually 20 gone
}

@test "rollout: status, history, undo, restart, pause" {
    deploy
    k set env deployment/web A=1
    k rollout status deployment/web --timeout=20s
    [ "$(k rollout history deployment/web | grep -c '^[12] ')" = 2 ]
    k rollout undo deployment/web
    k rollout status deployment/web --timeout=20s
    [ -z "$(value deployment/web '{.spec.template.spec.containers[0].env}')" ]
    [ "$(value deployment/web '{.metadata.annotations.deployment\.kubernetes\.io/revision}')" = 3 ]
    before=$(k get pods -l app=web -o name)
    k rollout restart deployment/web
    k rollout status deployment/web --timeout=20s
    [ "$(k get pods -l app=web --field-selector status.phase=Running -o name)" != "$before" ]
    k rollout pause deployment/web
    k rollout resume deployment/web
}

@test "expose and run" {
    k run web --image=sagong.local/hello:1 --port=8080 --expose
    pod_ready web
    addressed() { [ "$(value endpointslices '{.items[0].endpoints[0].addresses[0]}')" = "$(value pod/web '{.status.podIP}')" ]; }
    eventually 5 addressed
}

@test "delete: wait or not, several, all" {
    k create configmap a
    k create configmap b
    k delete configmap a b
    k create configmap c
    k delete configmap --all --wait=false
    deploy
    k delete deployment web --cascade=foreground
    run k get deployment web
    [ "$status" = 1 ]
}

@test "logs: follow, tail, since, container, previous" {
    k apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: a, image: 'sagong.local/hello:1', command: [sh, -c, 'for i in 1 2 3; do echo a$i; done; sleep 1000']}
  - {name: b, image: 'sagong.local/hello:1', command: [sh, -c, 'while :; do echo b; sleep 0.2; done']}
YAML
    pod_ready two
    [ "$(k logs two -c a --tail=1)" = a3 ]
    [ "$(k logs two -c a --timestamps | head -n 1 | cut -d' ' -f2)" = a1 ]
    k logs two -c b --since=1h | grep -q b
    k logs two --all-containers | grep -q a1
    timeout 2 "$E2E_KUBECTL" -n "$NS" logs -f two -c b >"$BATS_TEST_TMPDIR/log" || true
    [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -ge 5 ]
    run k logs two -c none
    [ "$status" = 1 ]
    [[ $output == *"container none is not valid for pod two"* ]]
}

@test "exec: input, output and exit code, with WebSockets and without" {
    pod inside 'sleep 1000'
    pod_ready inside
    for websockets in true false; do
        [ "$(echo word | KUBECTL_REMOTE_COMMAND_WEBSOCKETS=$websockets k exec -i inside -- cat)" = word ]
        KUBECTL_REMOTE_COMMAND_WEBSOCKETS=$websockets run k exec inside -- sh -c 'exit 3'
        [ "$status" = 3 ]
    done
}

@test "explain" {
    run kc explain pod.spec.containers.image
    [[ $output == *"FIELD: image <string>"* ]]
    run kc explain deployment --recursive
    [[ $output == *"GROUP:"*"apps"* ]]
    [[ $output == *"maxSurge"* ]]
    run kc explain pod.spec.nothing
    [ "$status" = 1 ]
}

@test "wait" {
    k create configmap c
    run k wait --for=delete configmap/c --timeout=1s
    [ "$status" = 1 ]
    (sleep 0.5; k delete configmap c) 3>&- &
    k wait --for=delete configmap/c --timeout=10s
    deploy
    k wait --for=condition=Available deployment/web --timeout=10s
    k wait --for=jsonpath='{.status.readyReplicas}'=1 deployment/web --timeout=10s
}

@test "events" {
    deploy
    k events | grep -q ScalingReplicaSet
    k get events --field-selector reason=Scheduled | grep -q 'Successfully assigned'
}

@test "auth: can-i and whoami" {
    [ "$(kc auth can-i create pods)" = yes ]
    [ "$(kc auth can-i create pods --as=nobody)" = no ]
    kc auth whoami | grep -q kubernetes-admin
    kc create clusterrolebinding "$NS" --clusterrole=view --user=viewer
    [ "$(kc auth can-i list pods --as=viewer -A)" = yes ]
    run k --as=viewer create configmap c
    [[ $output == *'User "viewer" cannot create resource "configmaps" in API group "" in the namespace'* ]]
    kc delete clusterrolebinding "$NS"
}

@test "dry run changes nothing" {
    k create configmap c --dry-run=server -o yaml | grep -q 'name: c'
    run k get configmap c
    [ "$status" = 1 ]
}

@test "unknown fields are named" {
    run k apply --validate=strict -f - <<<'{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replica":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"b"}]}}}}'
    [ "$status" = 1 ]
    [[ $output == *'unknown field "spec.replica"'* ]]
}
