# Kinds of the user's own, as kubectl meets them.
load helper

# define PLURAL KIND: a definition with most of what one can say.
define() {
    KIND=$2
    kc apply -f - <<YAML
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $1.e2e.example.com}
spec:
  group: e2e.example.com
  scope: Namespaced
  names: {plural: $1, singular: ${1%s}, kind: $2, shortNames: [x${1%s}], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    selectableFields: [{jsonPath: .spec.color}]
    additionalPrinterColumns:
    - {name: Color, type: string, jsonPath: .spec.color}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: A thing to try.
        required: [spec]
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: self.replicas <= self.most, messageExpression: "'no more than ' + (self.most == 5 ? '5' : 'another number')"}
            properties:
              color: {type: string, enum: [red, blue], default: red, description: How it looks.}
              replicas: {type: integer, minimum: 0, default: 1}
              most: {type: integer, default: 5}
          status:
            type: object
            properties:
              replicas: {type: integer}
              phase: {type: string}
YAML
    kc wait --for=condition=Established "crd/$1.e2e.example.com" --timeout=10s
}

# thing NAME VERB COLOR MORE: one of that kind.
thing() {
    k "${2:-apply}" -f - <<YAML
apiVersion: e2e.example.com/v1
kind: $KIND
metadata: {name: $1}
spec: {color: ${3:-red}, ${4:-replicas: 1}}
YAML
}

@test "a defined kind is served: explain, apply, get, scale, wait, describe, patch, delete" {
    define things Thing
    [[ $(kc explain things.spec.color) == *"FIELD: color <string>"*"How it looks."* ]]
    kc api-resources --api-group=e2e.example.com | grep -q '^things *xthing *e2e.example.com/v1 *true *Thing'
    [ "$(thing a)" = "thing.e2e.example.com/a created" ]
    [ "$(thing a)" = "thing.e2e.example.com/a unchanged" ]
    [ "$(thing a apply blue)" = "thing.e2e.example.com/a configured" ]
    thing b create
    run k get xthing
    [[ ${lines[0]} =~ ^NAME\ +COLOR\ +AGE$ && ${lines[1]} =~ ^a\ +blue\ +[0-9]+s$ && ${lines[2]} =~ ^b\ +red\ +[0-9]+s$ ]]
    [ "$(k get things --field-selector spec.color=blue -o name)" = thing.e2e.example.com/a ]
    [[ $(k get all) == *thing.e2e.example.com/a* ]]
    k scale thing a --replicas=3
    [ "$(value thing/a '{.spec.replicas}')" = 3 ]
    k patch thing a --subresource=status --type=merge -p '{"status":{"phase":"Up"}}'
    k wait --for=jsonpath='{.status.phase}'=Up thing/a --timeout=5s
    [[ $(k describe thing a) == *"Phase:"*"Up"* ]]
    k delete thing a
    run k get thing a
    [[ $output == *'things.e2e.example.com "a" not found'* ]]
    kc delete crd things.e2e.example.com
    run k get things
    [ "$status" = 1 ]
}

@test "what a definition's schema and rules forbid is refused" {
    define others Other
    run thing a apply green
    [[ $status = 1 && $output == *'spec.color: Unsupported value: "green": supported values: "red", "blue"'* ]]
    run thing a apply red 'replicas: 9'
    [[ $status = 1 && $output == *'spec: Invalid value: "object": no more than 5'* ]]
    run thing a apply red 'size: 9'
    [[ $status = 1 && $output == *'unknown field "spec.size"'* ]]
    thing a
    run k patch others a -p '{"spec":{"replicas":2}}' --type=strategic
    [[ $status = 1 && $output == *"application/strategic-merge-patch+json"* ]]
    kc delete crd others.e2e.example.com
}

@test "a definition that changes: what has not changed is let be, versions come and go" {
    define movers Mover
    thing a apply blue
    crd=crd/movers.e2e.example.com
    schema=/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties
    kc patch $crd --type=json -p "[{\"op\":\"replace\",\"path\":\"$schema/color/enum\",\"value\":[\"red\"]}]"
    narrower() { ! thing b create blue 2>/dev/null; }
    eventually 5 narrower
    k patch mover a --type=merge -p '{"spec":{"replicas":2}}' # blue is no color any more, but was said before
    run k patch mover a --type=merge -p '{"spec":{"color":"green"}}'
    [[ $status = 1 && $output == *'spec.color: Unsupported value: "green": supported values: "red"'* ]]

    kc get $crd -o json | jq '.spec.versions += [.spec.versions[0] | .name = "v2" | .storage = false]' | kc replace -f -
    second() { [ "$(kc get --raw "/apis/e2e.example.com/v2/namespaces/$NS/movers/a" | jq -r '.apiVersion, .spec.replicas' | paste -sd' ')" = 'e2e.example.com/v2 2' ]; }
    eventually 5 second
    kc get $crd -o json | jq '.spec.versions[0].storage = false | .spec.versions[1].storage = true' | kc replace -f -
    [ "$(kc get $crd -o jsonpath='{.status.storedVersions}')" = '["v1","v2"]' ]
    kc get $crd -o json | jq '.spec.versions |= .[1:]' >"$BATS_TEST_TMPDIR/one.json"
    run kc replace -f "$BATS_TEST_TMPDIR/one.json"
    [[ $status = 1 && $output == *'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version'* ]]
    k patch mover a --type=merge -p '{"metadata":{"labels":{"moved":"yes"}}}' # and is stored anew
    kc patch $crd --subresource=status --type=merge -p '{"status":{"storedVersions":["v2"]}}'
    kc get $crd -o json | jq '.spec.versions |= .[1:]' | kc replace -f -
    gone() { ! kc get --raw "/apis/e2e.example.com/v1/namespaces/$NS/movers" 2>/dev/null; }
    eventually 5 gone
    kc api-resources --cached=false >/dev/null # kubectl remembers what there was

    kc get $crd -o json | jq 'del(.metadata.resourceVersion,.metadata.uid,.status) |
        .metadata.name = "mules.e2e.example.com" | .spec.names = {plural:"mules",kind:"Mule",shortNames:["xmover"]}' | kc create -f -
    conflict() { [ "$(kc get crd mules.e2e.example.com -o jsonpath='{.status.conditions[?(@.type=="NamesAccepted")].reason}')" = ShortNamesConflict ]; }
    eventually 5 conflict
    kc delete crd mules.e2e.example.com
    k patch mover a --type=merge -p '{"metadata":{"finalizers":["example.com/keep"]}}'
    kc delete $crd --wait=false
    terminating() { kc get $crd -o jsonpath='{.status.conditions[?(@.type=="Terminating")].reason}' | grep -q 'InstanceDeletion'; }
    eventually 5 terminating
    run k create -f - <<<"{\"apiVersion\":\"e2e.example.com/v2\",\"kind\":\"Mover\",\"metadata\":{\"name\":\"late\"},\"spec\":{}}"
    [ "$status" = 1 ]
    k patch mover a --type=merge -p '{"metadata":{"finalizers":null}}'
    kc wait --for=delete $crd --timeout=20s
}
