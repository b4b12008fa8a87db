# What kubectl makes or changes by a word: `create` in each of its forms, `set`, `autoscale`, `diff`, `kustomize`, and
# the plain requests of `get --raw`.
load helper

# made OBJECT JSONPATH EXPECTED
made() {
    local got
    got=$(value "$1" "$2")
    [ "$got" = "$3" ] || { echo "$1 $2 is '$got', not '$3'"; return 1; }
}

deploy() {
    k create deployment web --image=sagong.local/hello:1 --replicas=0
}

@test "create: config maps and secrets, from words, files and environments" {
    printf 'A=1\nB=two words\n' >"$BATS_TEST_TMPDIR/env"
    printf '\xff\x00binary' >"$BATS_TEST_TMPDIR/bytes"
    k create configmap words --from-literal=a=b --from-env-file="$BATS_TEST_TMPDIR/env" 2>/dev/null || k create configmap words --from-env-file="$BATS_TEST_TMPDIR/env"
    made configmap/words '{.data.B}' 'two words'
    k create configmap files --from-file="$BATS_TEST_TMPDIR/bytes"
    [ "$(value configmap/files '{.binaryData.bytes}' | base64 -d | od -An -tx1 | tr -d ' \n')" = ff0062696e617279 ]
    k create secret generic plain --from-literal=password=x
    made secret/plain '{.type} {.data.password}' 'Opaque eA=='
    k create secret docker-registry registry --docker-server=r.example --docker-username=u --docker-password=p
    made secret/registry '{.type}' kubernetes.io/dockerconfigjson
    certificate /CN=someone yesterday tomorrow
    k create secret tls pair --cert="$BATS_TEST_TMPDIR/tls.crt" --key="$BATS_TEST_TMPDIR/tls.key"
    made secret/pair '{.type}' kubernetes.io/tls
}

@test "create: what runs and what leads to it" {
    deploy
    made deployment/web '{.spec.template.spec.containers[0].image}' sagong.local/hello:1
    k create job once --image=sagong.local/hello:1 -- true
    k wait --for=condition=Complete job/once --timeout=20s
    k create cronjob often --image=sagong.local/hello:1 --schedule='*/5 * * * *' -- true
    k create job now --from=cronjob/often
    made job/now '{.metadata.annotations.cronjob\.kubernetes\.io/instantiate}' manual
    k create service clusterip inside --tcp=80:8080
    made service/inside '{.spec.ports[0].targetPort}' 8080
    k create service nodeport outside --tcp=80
    [ "$(value service/outside '{.spec.ports[0].nodePort}')" -ge 30000 ]
    k create service loadbalancer balanced --tcp=80
    k create service externalname elsewhere --external-name=example.com
    made service/elsewhere '{.spec.externalName}{.spec.clusterIP}' example.com
    k create ingress way --rule='a.example/b*=inside:80,tls=pair'
    made ingress/way '{.spec.rules[0].http.paths[0].pathType} {.spec.tls[0].secretName}' 'Prefix pair'
    run k create cronjob never --image=sagong.local/hello:1 --schedule='every day' -- true
    [ "$status" = 1 ]
    [[ $output == *'spec.schedule: Invalid value: "every day"'* ]]
}

@test "create: who may do what" {
    k create serviceaccount robot
    k create role reader --verb=get,list --resource=pods,deployments.apps
    k create rolebinding readers --role=reader --serviceaccount="$NS:robot"
    [ "$(kc auth can-i list pods -n "$NS" --as="system:serviceaccount:$NS:robot")" = yes ]
    [ "$(kc auth can-i delete pods -n "$NS" --as="system:serviceaccount:$NS:robot")" = no ]
    kc create clusterrole "$NS" --verb=get --non-resource-url=/special
    kc create clusterrolebinding "$NS" --clusterrole="$NS" --serviceaccount="$NS:robot"
    [ "$(kc auth can-i get /special --as="system:serviceaccount:$NS:robot")" = yes ]
    token=$(k create token robot --duration=20m)
    [ "$(kc --token="$token" auth whoami -o jsonpath='{.status.userInfo.username}' --kubeconfig=<(nobody))" = "system:serviceaccount:$NS:robot" ]
    run k create token robot --duration=1m
    [ "$status" = 1 ]
    [[ $output == *"may not specify a duration less than 10 minutes"* ]]
    kc delete clusterrole,clusterrolebinding "$NS"
}

@test "create: bounds and ranks" {
    k create quota limit --hard=configmaps=2 # one is the cluster's authority
    used() { made resourcequota/limit '{.status.used.configmaps}' 1; }
    eventually 5 used
    k create configmap one
    run k create configmap two
    [ "$status" = 1 ]
    [[ $output == *"exceeded quota: limit, requested: configmaps=1, used: configmaps=2, limited: configmaps=2"* ]]
    kc create priorityclass "$NS" --value=1000 --description=first
    run kc create priorityclass "$NS-too" --value=2000000000
    [ "$status" = 1 ]
    kc delete priorityclass "$NS"
    k create poddisruptionbudget most --selector=app=web --min-available=50%
    made poddisruptionbudget/most '{.spec.minAvailable}' 50%
    run k create poddisruptionbudget bad --selector=app=web --min-available=150%
    [ "$status" = 1 ]
    [[ $output == *'must not be greater than 100%'* ]]
}

@test "set: image, environment, resources, account, selector, subject" {
    deploy
    k set image deployment/web hello=sagong.local/hello:2
    k set env deployment/web A=1
    k set resources deployment web --limits=memory=64Mi --requests=cpu=10m
    k create serviceaccount robot
    k set serviceaccount deployment web robot
    made deployment/web '{.spec.template.spec.serviceAccountName} {.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].resources.limits.memory}' \
        'robot sagong.local/hello:2 64Mi'
    [ "$(k set env deployment/web --list | tail -n 1)" = A=1 ]
    k create service clusterip web --tcp=80
    k set selector service web colour=blue
    made service/web '{.spec.selector}' '{"colour":"blue"}'
    k create role reader --verb=get --resource=pods
    k create rolebinding readers --role=reader --user=a
    k set subject rolebinding readers --user=b
    made rolebinding/readers '{.subjects[*].name}' 'a b'
    run k set resources deployment web --limits=memory=1Mi --requests=memory=2Mi
    [ "$status" = 1 ]
}

@test "autoscale" {
    deploy
    k autoscale deployment web --min=1 --max=3 --cpu-percent=80 2>/dev/null || k autoscale deployment web --min=1 --max=3 --cpu=80%
    made hpa/web '{.spec.minReplicas} {.spec.maxReplicas} {.spec.metrics[0].resource.target.averageUtilization}' '1 3 80'
    [ "$(k get horizontalpodautoscalers.v1.autoscaling web -o jsonpath='{.spec.targetCPUUtilizationPercentage}')" = 80 ]
    run k autoscale deployment web --name=bad --min=4 --max=3
    [ "$status" = 1 ]
}

@test "diff, and apply of a directory with kustomize, with pruning" {
    mkdir "$BATS_TEST_TMPDIR/dir"
    cat >"$BATS_TEST_TMPDIR/dir/kustomization.yaml" <<-YAML
	namespace: $NS
	labels: [{pairs: {set: a}}]
	configMapGenerator:
	- {name: made, literals: [a=1], options: {disableNameSuffixHash: true}}
	resources: [secret.yaml]
	YAML
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\nstringData: {a: word}\n' >"$BATS_TEST_TMPDIR/dir/secret.yaml"
    kc apply -k "$BATS_TEST_TMPDIR/dir"
    made secret/hidden '{.data.a} {.metadata.labels.set}' 'd29yZA== a'
    kc diff -k "$BATS_TEST_TMPDIR/dir"
    sed -i 's/a=1/a=2/' "$BATS_TEST_TMPDIR/dir/kustomization.yaml"
    run kc diff -k "$BATS_TEST_TMPDIR/dir"
    [ "$status" = 1 ]
    [[ $output == *$'-  a: "1"'*$'+  a: "2"'* ]]
    kc kustomize "$BATS_TEST_TMPDIR/dir" | sed '/^---/,$d' |
        k apply --prune -l set=a --prune-allowlist=core/v1/ConfigMap --prune-allowlist=core/v1/Secret -f -
    made configmap/made '{.data.a}' 2
    run k get secret hidden
    [ "$status" = 1 ]
}

@test "get, create and delete by plain requests" {
    printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"}}' |
        kc create --raw "/api/v1/namespaces/$NS/configmaps" -f - | jq -e '.metadata.uid' >/dev/null
    kc get --raw "/api/v1/namespaces/$NS/configmaps/raw" | jq -e '.kind == "ConfigMap"'
    kc delete --raw "/api/v1/namespaces/$NS/configmaps/raw" | jq -e '.status == "Success"'
    run kc get --raw "/api/v1/namespaces/$NS/configmaps/raw"
    [ "$status" = 1 ]
    [[ $output == *NotFound* ]]
}
