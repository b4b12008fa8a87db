# Helm as people use it: one chart with hooks, a test, and a definition of a kind, through its whole life.
load helper

helm() {
    HELM_NAMESPACE=$NS "$(dirname "$E2E_KUBECTL")/helm" "$@"
}

# job HOOK COMMAND: a chart's job that runs at that hook
job() {
    cat <<-YAML
	apiVersion: batch/v1
	kind: Job
	metadata:
	  name: {{ .Release.Name }}-$1
	  annotations:
	    helm.sh/hook: $1
	    helm.sh/hook-delete-policy: before-hook-creation
	spec:
	  backoffLimit: 0
	  template:
	    spec:
	      restartPolicy: Never
	      containers:
	      - {name: c, image: "sagong.local/hello:1", command: [sh, -c, "$2"]}
	YAML
}

# chart: writes a small chart, and prints its directory. Its definition of a kind has a group of this test's own.
chart() {
    local dir=$BATS_TEST_TMPDIR/chart hook
    mkdir -p "$dir/templates" "$dir/crds"
    cat >"$dir/Chart.yaml" <<-YAML
	apiVersion: v2
	name: small
	version: 0.1.0
	YAML
    echo 'word: one' >"$dir/values.yaml"
    cat >"$dir/crds/boat.yaml" <<-YAML
	apiVersion: apiextensions.k8s.io/v1
	kind: CustomResourceDefinition
	metadata: {name: boats.$NS.example.com}
	spec:
	  group: $NS.example.com
	  scope: Namespaced
	  names: {plural: boats, singular: boat, kind: Boat}
	  versions:
	  - name: v1
	    served: true
	    storage: true
	    schema:
	      openAPIV3Schema:
	        type: object
	        properties:
	          spec: {type: object, properties: {oars: {type: integer, minimum: 1}}}
	YAML
    cat >"$dir/templates/config.yaml" <<-YAML
	apiVersion: v1
	kind: ConfigMap
	metadata:
	  name: {{ .Release.Name }}
	  labels: {app.kubernetes.io/managed-by: {{ .Release.Service }}}
	data:
	  word: {{ .Values.word }}
	  {{- if .Values.more }}
	  more: {{ .Values.more }}
	  {{- end }}
	---
	apiVersion: $NS.example.com/v1
	kind: Boat
	metadata: {name: {{ .Release.Name }}}
	spec: {oars: {{ .Values.oars | default 2 }}}
	YAML
    for hook in pre-install post-upgrade; do
        job $hook true >"$dir/templates/$hook.yaml"
    done
    job test 'test {{ .Values.word }} = one' >"$dir/templates/test.yaml"
    echo "$dir"
}

@test "Helm installs, upgrades, rolls back, tests and uninstalls a chart with hooks and a definition" {
    local dir
    dir=$(chart)
    helm install rel "$dir" --timeout 30s
    [ "$(value configmap/rel '{.data}')" = '{"word":"one"}' ]
    [ "$(value job/rel-pre-install '{.status.succeeded}')" = 1 ]
    [ "$(value boat/rel '{.spec.oars}')" = 2 ]
    helm test rel --timeout 30s | grep -q '^Phase: *Succeeded'

    helm upgrade rel "$dir" --set word=two,more=x,oars=4 --timeout 30s
    [ "$(value configmap/rel '{.data}')" = '{"more":"x","word":"two"}' ]
    [ "$(value job/rel-post-upgrade '{.status.succeeded}')" = 1 ]
    [ "$(value boat/rel '{.spec.oars}')" = 4 ]
    run helm test rel --timeout 30s
    [ "$status" = 1 ]
    grep -q "^Phase: *Failed" <<<"$output"

    helm rollback rel 1 --timeout 30s
    [ "$(value configmap/rel '{.data}')" = '{"word":"one"}' ]
    [ "$(helm history rel -o json | jq length)" = 3 ]
    helm status rel | grep -q '^STATUS: deployed'
    [ "$(helm list -o json | jq -r '.[].name')" = rel ]
    helm uninstall rel
    run k get configmap,boat rel
    [ "$status" = 1 ]
    kc delete customresourcedefinition "boats.$NS.example.com"
}

@test "what the server refuses, Helm tells, and takes back" {
    local dir
    dir=$(chart)
    run helm install rel "$dir" --set oars=-1 --atomic --timeout 30s
    [ "$status" = 1 ]
    [[ $output == *'spec.oars: Invalid value: -1: spec.oars in body should be greater than or equal to 1'* ]]
    helm upgrade --install rel "$dir" --timeout 30s
    run helm upgrade rel "$dir" --set word=two,oars=-1 --atomic --timeout 30s
    [ "$status" = 1 ]
    [ "$(value configmap/rel '{.data.word} {.metadata.labels}')" = 'one {"app.kubernetes.io/managed-by":"Helm"}' ]
    helm uninstall rel --wait
    kc delete customresourcedefinition "boats.$NS.example.com"
}
