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
