# Server-side apply as people and tools use it: kubectl's flags, and the way over from kubectl's own apply.
load helper

map() { # VALUE...: a config map's data, key=value
    local item
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: %s}\ndata:\n' "$NS"
    for item in "$@"; do printf '  %s: "%s"\n' "${item%%=*}" "${item#*=}"; done
}

# owner OBJECT: "manager operation" lines
owner() {
    k get "$1" --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager}{" "}{.operation}{"\n"}{end}'
}

@test "apply --server-side creates, changes, and takes out what is no longer said" {
    [ "$(map a=1 b=2 | k apply --server-side -f -)" = "configmap/c serverside-applied" ]
    [ "$(owner configmap/c)" = "kubectl Apply" ]
    [ "$(k get configmap c -o yaml | grep -c managedFields)" = 0 ]
    [ "$(k get configmap c -o yaml --show-managed-fields | grep -c managedFields)" = 1 ]
    map a=1 | k apply --server-side -f -
    [ "$(value configmap/c '{.data}')" = '{"a":"1"}' ]
    map a=1 | k apply --server-side --field-manager=other -f -
    map | sed '/^data:/d' | k apply --server-side -f -
    [ "$(value configmap/c '{.data}')" = '{"a":"1"}' ] # the other still wants it
    map a=1 | k apply --server-side --dry-run=server -f - | grep -q 'serverside-applied (server dry run)'
}

@test "conflicts are refused, told, and may be forced" {
    map a=1 | k apply --server-side -f -
    k patch configmap c -p '{"data":{"a":"2"}}'
    run bash -c "$(declare -f map); NS=$NS map a=1 | '$E2E_KUBECTL' -n '$NS' apply --server-side -f -"
    [ "$status" = 1 ]
    [[ $output == *'Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.a'* ]]
    map a=1 | k apply --server-side --force-conflicts -f -
    [ "$(value configmap/c '{.data.a}')" = 1 ]
    [ "$(owner configmap/c)" = "kubectl Apply" ]
}

@test "from kubectl's own apply to the server's, and back" {
    map a=1 b=2 | k apply -f -
    [ "$(owner configmap/c)" = "kubectl-client-side-apply Update" ]
    map a=3 | k apply --server-side -f -
    [ "$(value configmap/c '{.data}')" = '{"a":"3"}' ]
    owner configmap/c | grep -qx "kubectl Apply"
    ! owner configmap/c | grep -q client-side || false
    k apply view-last-applied configmap/c | grep -q 'a: "3"'
    map a=3 c=4 | k apply -f -
    [ "$(value configmap/c '{.data}')" = '{"a":"3","c":"4"}' ]
    map a=5 | k apply set-last-applied -f -
    k apply view-last-applied configmap/c | grep -q 'a: "5"'
    map a=3 c=4 | k apply -f -
    printf '#!/bin/sh\nsed -i "s/a: \\"3\\"/a: \\"6\\"/" "$1"\n' >"$BATS_TEST_TMPDIR/editor"
    chmod +x "$BATS_TEST_TMPDIR/editor"
    EDITOR=$BATS_TEST_TMPDIR/editor k apply edit-last-applied configmap/c
    k apply view-last-applied configmap/c | grep -q 'a: "6"'
}

@test "diff --server-side shows what an apply would do" {
    map a=1 | k apply --server-side -f -
    map a=2 >"$BATS_TEST_TMPDIR/c.yaml"
    run k diff --server-side -f "$BATS_TEST_TMPDIR/c.yaml"
    [ "$status" = 1 ]
    [[ $output == *$'-  a: "1"'*$'+  a: "2"'* ]]
    [ "$(value configmap/c '{.data.a}')" = 1 ]
    map a=1 >"$BATS_TEST_TMPDIR/c.yaml"
    k diff --server-side -f "$BATS_TEST_TMPDIR/c.yaml"
}

@test "what scales a deployment owns its replicas" {
    k create deployment web --image=sagong.local/hello:1 --replicas=0 --dry-run=client -o yaml >"$BATS_TEST_TMPDIR/web.yaml"
    k apply --server-side -f "$BATS_TEST_TMPDIR/web.yaml"
    k scale deployment web --replicas=1
    run k apply --server-side -f "$BATS_TEST_TMPDIR/web.yaml"
    [[ $output == *'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'* ]]
    sed -i '/replicas:/d' "$BATS_TEST_TMPDIR/web.yaml"
    k apply --server-side -f "$BATS_TEST_TMPDIR/web.yaml"
    [ "$(value deployment/web '{.spec.replicas}')" = 1 ]
}

# stack STRATEGY ENV VOLUME FINALIZERS: a deployment without pods
stack() {
    cat <<-YAML
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web, finalizers: [$4]}
	spec:
	  replicas: 0
	  selector: {matchLabels: {app: web}}
	  strategy: $1
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      containers:
	      - {name: a, image: i, env: [$2]}
	      volumes:
	      - {name: v, $3}
	YAML
}

@test "kubectl's own apply: unions change sides, lists keep their order, single values go" {
    stack '{type: RollingUpdate, rollingUpdate: {maxSurge: 1}}' '{name: A, value: a}, {name: B, value: b}' 'emptyDir: {}' 'example.com/a, example.com/b' |
        k apply -f -
    k set env deployment/web THEIRS=1
    stack '{type: Recreate}' '{name: C, value: c}, {name: A, value: a}' 'configMap: {name: m}' 'example.com/b' | k apply -f -
    [ "$(value deployment/web '{.spec.strategy}')" = '{"type":"Recreate"}' ]                       # $retainKeys
    [ "$(value deployment/web '{.spec.template.spec.containers[0].env[*].name}')" = 'C A THEIRS' ] # $setElementOrder, $patch: delete
    [ "$(value deployment/web '{.spec.template.spec.volumes[0]}' | jq -c keys)" = '["configMap","name"]' ]
    [ "$(value deployment/web '{.metadata.finalizers}')" = '["example.com/b"]' ]                   # $deleteFromPrimitiveList
    k patch deployment web -p '{"metadata":{"finalizers":null},"spec":{"template":{"spec":{"containers":[{"name":"a","env":[{"$patch":"replace"},{"name":"ONLY","value":"1"}]}]}}}}'
    [ "$(value deployment/web '{.spec.template.spec.containers[0].env[*].name}{.metadata.finalizers}')" = ONLY ]
    run k patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"a","$patch":"turn"}]}}}}'
    [ "$status" = 1 ]
}
