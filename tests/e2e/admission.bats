# What stands between a request and the store, in the order in which it stands there.
load helper

# refused WORDS COMMAND...: fails, and says so.
refused() {
    local words=$1
    shift
    run "$@"
    [ "$status" != 0 ] && [[ $output == *"$words"* ]] || { echo "not refused with: $words"; echo "$output"; return 1; }
}

# sleeper NAME [SPEC-FIELDS]: a pod that no node will take, so only the API has to do with it.
sleeper() {
    k apply -f - <<<"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"$1\"},\"spec\":{\"nodeSelector\":{\"no\":\"node\"},\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]${2:+,$2}}}"
}

teardown_file() { # a default class would be everyone's
    kc delete storageclass,ingressclass -l e2e=admission >/dev/null
}

@test "a namespace that ends takes nothing new; some never end" {
    kc create namespace "$NS-ending"
    kc create configmap keeper -n "$NS-ending"
    kc patch configmap keeper -n "$NS-ending" --type=merge -p '{"metadata":{"finalizers":["example.com/keep"]}}'
    kc delete namespace "$NS-ending" --wait=false
    refused 'unable to create new content in namespace' kc create configmap late -n "$NS-ending"
    kc patch configmap keeper -n "$NS-ending" --type=merge -p '{"metadata":{"finalizers":null}}'
    kc wait --for=delete "namespace/$NS-ending" --timeout=20s
    refused 'not found' kc create configmap late -n "$NS-ending"
    refused 'this namespace may not be deleted' kc delete namespace default
}

@test "a limit range sets what is not said, and bounds what is" {
    k apply -f - <<-YAML
	apiVersion: v1
	kind: LimitRange
	metadata: {name: l}
	spec:
	  limits:
	  - {type: Container, default: {memory: 64Mi}, defaultRequest: {memory: 32Mi}, max: {memory: 128Mi}, min: {memory: 8Mi}}
	  - {type: PersistentVolumeClaim, max: {storage: 1Gi}}
	YAML
    sleeper p
    [ "$(value pod/p '{.spec.containers[0].resources.limits.memory} {.spec.containers[0].resources.requests.memory}')" = '64Mi 32Mi' ]
    [[ $(value pod/p '{.metadata.annotations.kubernetes\.io/limit-ranger}') == 'LimitRanger plugin set: memory request for container c; memory limit for container c' ]]
    refused 'maximum memory usage per Container is 128Mi, but limit is 1Gi' \
        k run big --image=i --overrides='{"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"memory":"1Gi"}}}]}}'
    refused 'maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi' k apply -f - <<-YAML
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: c}
	spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}
	YAML
}

@test "a pod has a service account, its token, tolerations and a priority" {
    sleeper p
    [ "$(value pod/p '{.spec.serviceAccountName} {.spec.priority}')" = 'default 0' ]
    [[ $(value pod/p '{.spec.volumes[0].projected.sources[*].serviceAccountToken.path}') == token ]]
    [ "$(value pod/p '{.spec.tolerations[*].key} {.spec.tolerations[*].tolerationSeconds}')" = \
        'node.kubernetes.io/not-ready node.kubernetes.io/unreachable 300 300' ]
    refused 'error looking up service account' sleeper q '"serviceAccountName":"nobody"'
    kc create priorityclass "$NS" --value=1000
    sleeper r "\"priorityClassName\":\"$NS\""
    [ "$(value pod/r '{.spec.priority} {.spec.preemptionPolicy}')" = '1000 PreemptLowerPriority' ]
    kc delete priorityclass "$NS"
    refused 'no PriorityClass with name' sleeper s "\"priorityClassName\":\"$NS\""
}

@test "a runtime class adds what its pods cost and where they may run" {
    kc apply -f - <<-YAML
	apiVersion: node.k8s.io/v1
	kind: RuntimeClass
	metadata: {name: $NS}
	handler: crun
	overhead: {podFixed: {memory: 5Mi}}
	scheduling: {nodeSelector: {only: here}}
	YAML
    sleeper p "\"runtimeClassName\":\"$NS\""
    [ "$(value pod/p '{.spec.overhead.memory} {.spec.nodeSelector}')" = '5Mi {"no":"node","only":"here"}' ]
    kc delete runtimeclass "$NS"
    refused "RuntimeClass \"$NS\" not found" sleeper q "\"runtimeClassName\":\"$NS\""
}

@test "classes that are the default are taken, and claims grow only where they may" {
    kc apply -f - <<-YAML
	apiVersion: storage.k8s.io/v1
	kind: StorageClass
	metadata: {name: $NS, labels: {e2e: admission}, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
	provisioner: example.com/none
	YAML
    kc apply -f - <<-YAML
	apiVersion: networking.k8s.io/v1
	kind: IngressClass
	metadata: {name: $NS, labels: {e2e: admission}, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
	spec: {controller: example.com/none}
	YAML
    k apply -f - <<-YAML
	apiVersion: v1
	kind: PersistentVolumeClaim
	metadata: {name: c}
	spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
	YAML
    k create ingress i --rule='a.example/=s:80'
    [ "$(value pvc/c '{.spec.storageClassName}') $(value ingress/i '{.spec.ingressClassName}')" = "$NS $NS" ]
    refused 'is immutable after creation' k patch pvc c --type=merge -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
    kc delete storageclass,ingressclass "$NS"
}

@test "pod security: enforced, warned of, and told to the audit log" {
    kc label namespace "$NS" pod-security.kubernetes.io/enforce=baseline pod-security.kubernetes.io/warn=restricted
    refused 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' sleeper p '"hostNetwork":true'
    run sleeper q
    [ "$status" = 0 ]
    [[ $output == *'Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false'* ]]
    refused 'privileged (container "c" must not set securityContext.privileged=true)' \
        k run r --image=i --privileged --overrides='{"spec":{"containers":[{"name":"c","image":"i","securityContext":{"privileged":true}}]}}'
    run kc label namespace "$NS" pod-security.kubernetes.io/enforce=restricted --overwrite
    [[ $output == *"existing pods in namespace \"$NS\" violate the new PodSecurity enforce level \"restricted:latest\""* ]]
    refused 'must be one of privileged, baseline, restricted' kc label namespace "$NS" pod-security.kubernetes.io/enforce=open --overwrite
}

@test "quota: what counts, by scope, and what must say its resources" {
    k create quota all --hard=pods=3,requests.memory=64Mi
    k create quota best --hard=pods=1 --scopes=BestEffort
    counted() { [ -n "$(value quota/best '{.status.used.pods}')" ] && [ -n "$(value quota/all '{.status.used.pods}')" ]; }
    eventually 5 counted
    refused 'failed quota: all: must specify requests.memory for: c' sleeper p
    k delete quota all
    sleeper p
    refused 'exceeded quota: best, requested: pods=1, used: pods=1, limited: pods=1' sleeper q
    k run asks --image=i --overrides='{"spec":{"nodeSelector":{"no":"node"},"containers":[{"name":"c","image":"i","resources":{"requests":{"memory":"1Mi"}}}]}}'
    k delete pod p --grace-period=0 --force
    freed() { [ "$(value quota/best '{.status.used.pods}')" = 0 ]; }
    eventually 5 freed
}

@test "a node changes nothing but itself and what runs on it" {
    certificate '/O=system:nodes/CN=system:node:elsewhere' yesterday tomorrow
    as_node() { kc --kubeconfig=<(nobody) --client-certificate="$BATS_TEST_TMPDIR/tls.crt" --client-key="$BATS_TEST_TMPDIR/tls.key" "$@"; }
    node=$(kc get nodes -o jsonpath='{.items[0].metadata.name}')
    refused "node \"elsewhere\" is not allowed to modify node \"$node\"" \
        as_node patch node "$node" --type=merge -p '{"metadata":{"labels":{"a":"b"}}}'
    sleeper p
    refused 'no relationship found between node' as_node get pod p -n "$NS"
    refused 'node "elsewhere" can only delete pods with spec.nodeName set to itself' as_node delete pod p -n "$NS"
    refused 'no relationship found between node' as_node get configmap kube-root-ca.crt -n "$NS"
    refused 'pod does not have "kubernetes.io/config.mirror" annotation, node "elsewhere" can only create mirror pods' \
        as_node run q --image=i -n "$NS"
}

@test "webhooks: what is called, what they change and refuse, and when they are not there" {
    kc apply -f - <<-YAML
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingWebhookConfiguration
	metadata: {name: $NS}
	webhooks:
	- name: absent.example.com
	  admissionReviewVersions: [v1]
	  sideEffects: None
	  timeoutSeconds: 1
	  failurePolicy: Fail
	  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}
	  matchConditions: [{name: named, expression: 'object.metadata.name == "asked"'}]
	  clientConfig: {url: 'https://127.0.0.1:1/'}
	  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
	YAML
    asked() { ! k create configmap asked --dry-run=server 2>/dev/null; }
    eventually 5 asked
    refused 'failed calling webhook "absent.example.com": failed to call webhook' k create configmap asked
    k create configmap other
    kc patch validatingwebhookconfiguration "$NS" --type=json -p '[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]'
    ignored() { k create configmap asked --dry-run=server; }
    eventually 5 ignored
    kc delete validatingwebhookconfiguration "$NS"
}
