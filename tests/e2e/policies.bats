# Admission policies, as people write them.
load helper

# bind KIND NAME POLICY MORE: puts a policy to work in this test's namespace.
bind() {
    kc apply -f - <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: $1
metadata: {name: $2}
spec:
  policyName: $3
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}}
  $4
YAML
}

@test "a validating policy refuses, with parameters and messages of its own, and says what it doubts" {
    kc apply -f - <<'YAML'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few-replicas}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  variables: [{name: most, expression: int(params.data.most)}]
  validations:
  - expression: object.spec.replicas <= variables.most
    messageExpression: "'no more than ' + string(variables.most) + ' replicas, not ' + string(object.spec.replicas)"
  - expression: object.spec.strategy != 1
YAML
    bind ValidatingAdmissionPolicyBinding few-replicas few-replicas \
        'validationActions: [Deny]
  paramRef: {name: limits, parameterNotFoundAction: Deny}'
    eventually 10 sh -c 'kubectl get validatingadmissionpolicy few-replicas -o yaml | grep -q "fieldRef: spec.validations\[1\].expression"'
    run k create deployment web --image=x --replicas=1
    [[ $status = 1 && $output == *"no params found for policy binding with \`Deny\` parameterNotFoundAction"* ]]
    k create configmap limits --from-literal=most=2
    k create deployment web --image=x --replicas=2
    run k scale deployment web --replicas=3
    [ "$status" = 0 ] # scale is another resource
    run k patch deployment web -p '{"spec":{"replicas":4}}'
    [[ $status = 1 && $output == *"ValidatingAdmissionPolicy 'few-replicas' with binding 'few-replicas' denied request: no more than 2 replicas, not 4"* ]]
    kc delete validatingadmissionpolicybindings,validatingadmissionpolicies few-replicas
    k patch deployment web -p '{"spec":{"replicas":4}}'
    run kc apply --dry-run=server -f - <<'YAML'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: broken}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
  validations: [{expression: "object.spec.hostNetwork =="}]
YAML
    [[ $status = 1 && $output == *"spec.validations[0].expression: Invalid value"*"Syntax error"* ]]
}

@test "a mutating policy adds what is missing" {
    kc apply -f - <<'YAML'
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: labels}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  matchConditions: [{name: unlabelled, expression: "!has(object.metadata.labels)"}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: 'Object{metadata: Object.metadata{labels: {"by": request.userInfo.username.replace(":", ".")}}}'}
  - patchType: JSONPatch
    jsonPatch: {expression: '[JSONPatch{op: "add", path: "/data", value: {"n": string(object.metadata.labels.size())}}]'}
YAML
    bind MutatingAdmissionPolicyBinding labels labels ''
    k create configmap one
    [ -n "$(value configmap/one '{.metadata.labels.by}')" ]
    [ "$(value configmap/one '{.data.n}')" = 1 ]
    kc delete mutatingadmissionpolicybindings,mutatingadmissionpolicies labels
    k create configmap two
    [ -z "$(value configmap/two '{.metadata.labels}')" ]
}
