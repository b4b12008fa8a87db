# What people who keep a cluster type: cordon, drain and taint, certificates, reconciled roles, subresources, and the
# whole cluster's state at a glance.
load helper

node() {
    kc get nodes -o jsonpath='{.items[0].metadata.name}'
}

teardown() {
    if [ -z "$BATS_TEST_COMPLETED" ]; then kc get pods,events -n "$NS" || true; fi
    kc uncordon "$(node)" >/dev/null || true
    kc taint nodes "$(node)" keepers- >/dev/null 2>&1 || true
    kc delete namespace "$NS" --wait=false >/dev/null 2>&1 || true
}

@test "cordon, drain, uncordon: a budget holds back, and then lets go" {
    k create deployment web --image=sagong.local/hello:1 --replicas=1
    k rollout status deployment/web --timeout=20s
    k create poddisruptionbudget keep --selector=app=web --min-available=1
    guarded() { [ "$(value pdb/keep '{.status.currentHealthy}')" = 1 ]; }
    eventually 5 guarded
    run kc drain "$(node)" --pod-selector=app=web --timeout=2s
    [ "$status" = 1 ]
    [[ $output == *"Cannot evict pod as it would violate the pod's disruption budget."* ]]
    kc get node "$(node)" | grep -q Ready,SchedulingDisabled
    old=$(k get pods -l app=web -o name)
    k delete pdb keep
    kc drain "$(node)" --pod-selector=app=web --timeout=30s
    unschedulable() { k get events --field-selector reason=FailedScheduling | grep -q '0/1 nodes are available: 1 node(s) were unschedulable'; }
    eventually 10 unschedulable
    kc uncordon "$(node)"
    k rollout status deployment/web --timeout=20s
    [ "$(k get pods -l app=web -o name)" != "$old" ]
}

@test "taint: who does not tolerate goes, who does stays" {
    k run goes --image=sagong.local/hello:1 --restart=Never
    k run stays --image=sagong.local/hello:1 --restart=Never --overrides='{"spec":{"tolerations":[{"key":"keepers","operator":"Exists"}]}}'
    pod_ready goes
    pod_ready stays
    kc taint nodes "$(node)" keepers=here:NoExecute
    k wait --for=delete pod/goes --timeout=20s
    [ "$(value pod/stays '{.status.phase}')" = Running ]
    run kc taint nodes "$(node)" keepers=other:NoExecute
    [ "$status" = 1 ]
    [[ $output == *"already has keepers taint(s) with same effect(s)"* ]]
    kc taint nodes "$(node)" keepers:NoExecute-
}

@test "certificate: approve and deny" {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$BATS_TEST_TMPDIR/key" -out "$BATS_TEST_TMPDIR/csr" -subj /CN=guest 2>/dev/null
    for name in yes no; do
        kc apply -f - <<-YAML
	apiVersion: certificates.k8s.io/v1
	kind: CertificateSigningRequest
	metadata: {name: $NS-$name}
	spec:
	  signerName: kubernetes.io/kube-apiserver-client
	  expirationSeconds: 3600
	  usages: [client auth]
	  request: $(base64 -w0 <"$BATS_TEST_TMPDIR/csr")
	YAML
    done
    kc certificate approve "$NS-yes"
    issued() { [ -n "$(kc get csr "$NS-yes" -o jsonpath='{.status.certificate}')" ]; }
    eventually 5 issued
    kc get csr "$NS-yes" -o jsonpath='{.status.certificate}' | base64 -d >"$BATS_TEST_TMPDIR/crt"
    [ "$(kc --client-certificate="$BATS_TEST_TMPDIR/crt" --client-key="$BATS_TEST_TMPDIR/key" --kubeconfig=<(nobody) auth whoami -o jsonpath='{.status.userInfo.username}')" = guest ]
    kc certificate deny "$NS-no"
    kc get csr "$NS-no" | grep -q Denied
    run kc certificate approve "$NS-no"
    [ "$status" = 1 ]
    kc delete csr "$NS-yes" "$NS-no"
}

@test "auth reconcile adds what a role lacks, and can take away what it has too much" {
    role() { printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: %s}\nrules:\n- {apiGroups: [""], resources: [pods], verbs: [%s]}\n' "$NS" "$1"; }
    role 'get, list' | k auth reconcile -f -
    role watch | k auth reconcile -f -
    [ "$(kc auth can-i --list -n "$NS" --as=nobody | grep -c '^pods ')" = 0 ]
    [ "$(value role/r '{.rules[*].verbs}')" = '["get","list"] ["watch"]' ]
    role watch | k auth reconcile --remove-extra-permissions -f -
    [ "$(value role/r '{.rules[*].verbs}')" = '["watch"]' ]
}

@test "subresources: get and patch" {
    k create deployment web --image=sagong.local/hello:1
    [ "$(k get deployment web --subresource=scale -o jsonpath='{.kind} {.spec.replicas}')" = 'Scale 1' ]
    k patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'
    [ "$(value deployment/web '{.spec.replicas}')" = 2 ]
    k get deployment web --subresource=status | grep -q web
    k patch deployment web --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Kept","status":"True"}]},"spec":{"replicas":5}}'
    [ "$(value deployment/web '{.spec.replicas}')" = 2 ]
    run k patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":-1}}'
    [ "$status" = 1 ]
    [[ $output == *'spec.replicas: Invalid value: -1: must be greater than or equal to 0'* ]]
}

@test "cluster-info dump, get all, api-resources by verb, sorted lists" {
    k create configmap b
    k create configmap a
    [ "$(k get configmaps --sort-by=.metadata.name -o name | head -n 1)" = configmap/a ]
    [ "$(k get configmaps --sort-by=.metadata.creationTimestamp --chunk-size=1 -o name | wc -l)" = 3 ]
    k cluster-info dump --namespaces="$NS" --output-directory="$BATS_TEST_TMPDIR/dump" >/dev/null
    [ "$(jq -r '.items[0].kind // "Node"' "$BATS_TEST_TMPDIR/dump/nodes.json")" = Node ]
    kc api-resources --verbs=list --namespaced -o name | sort >"$BATS_TEST_TMPDIR/kinds"
    grep -qx deployments.apps "$BATS_TEST_TMPDIR/kinds"
    while read -r kind; do
        k get "$kind" --ignore-not-found >/dev/null
    done <"$BATS_TEST_TMPDIR/kinds"
}
