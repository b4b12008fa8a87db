# Claims, and volumes that are made for them.
load helper

claim_user() { # NAME CLAIM COMMAND
    k apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  securityContext: {runAsUser: 1234, fsGroup: 4321}
  volumes: [{name: data, persistentVolumeClaim: {claimName: $2}}]
  containers:
  - {name: main, image: 'sagong.local/hello:1', command: [sh, -c, '$3'], volumeMounts: [{name: data, mountPath: /data}]}
YAML
}

@test "a claim's data outlives its pods, and goes with the claim" {
    k apply -f - <<'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
YAML
    [ "$(value pvc/data '{.spec.storageClassName} {.status.phase}')" = "local Pending" ]
    claim_user writer data 'echo kept > /data/file; stat -c %g /data'
    phase writer Succeeded
    [ "$(k logs writer)" = 4321 ]
    volume=$(value pvc/data '{.spec.volumeName}')
    directory=$(kc get pv "$volume" -o jsonpath='{.spec.local.path}')
    [ "$(cat "$directory/file")" = kept ]
    k delete pod writer
    claim_user reader data 'cat /data/file'
    phase reader Succeeded
    [ "$(k logs reader)" = kept ]
    k delete pod reader
    k delete pvc data --timeout=20s
    eventually 20 gone "$directory"
    run kc get pv "$volume"
    [[ $output == *NotFound* ]]
}

gone() {
    [ ! -e "$1" ]
}

@test "a stateful set's pods have claims of their own" {
    k apply -f - <<'YAML'
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {runAsUser: 0}
      containers:
      - name: main
        image: sagong.local/hello:1
        command: [sh, -c, 'trap exit TERM; hostname > /data/name; while :; do sleep 0.1; done']
        volumeMounts: [{name: data, mountPath: /data, subPathExpr: part}]
YAML
    k wait --for=jsonpath='{.status.readyReplicas}'=2 statefulset/db --timeout=30s
    [ "$(value pvc/data-db-1 '{.status.phase}')" = Bound ]
    directory=$(kc get pv "$(value pvc/data-db-1 '{.spec.volumeName}')" -o jsonpath='{.spec.local.path}')
    eventually 5 grep -q db-1 "$directory/part/name"
    k delete statefulset db
    eventually 20 no_claims
}

no_claims() {
    [ -z "$(k get pvc -o name)" ]
}
