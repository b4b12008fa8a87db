# A cluster without IPv4, on two hosts that have none.
load helper
load hosts

HOSTS=six
CLUSTER_CIDR='["fd00:10:244::/56"]'
SERVICE_CIDR='["fd00:10:96::/112"]'
ADDRESSES="fd00:96::/64"
SERVER="[fd00:96::1]"

setup_file() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    load hosts
    hosts_start
}

teardown_file() {
    load hosts
    hosts_end
}

@test "pods, services, names and probes" {
    k create -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {run: web}}
spec:
  nodeName: node-b
  containers:
  - name: web
    image: sagong.local/hello:1
    readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
YAML
    k expose pod web --port=80 --target-port=8080 --type=NodePort
    server_pod client node-a
    pod_ready web
    pod_ready client
    [[ $(value pod/web '{.status.podIPs[*].ip} {.status.hostIPs[*].ip}') == fd00:10:244:1::*" fd00:96::2" ]]
    [[ $(k exec client -- cat /etc/resolv.conf) == *"nameserver fd00:10:96::a"* ]]
    [ "$(eventually 5 pod_fetch client http://web/)" = "hello from web" ]
    [ "$(eventually 5 fetch a "http://[fd00:96::2]:$(value service/web '{.spec.ports[0].nodePort}')/")" = "hello from web" ]
    [[ $(k exec client -- env) == *"KUBERNETES_PORT=tcp://[fd00:10:96::1]:443"* ]]
    # A pod calls the API by the service's address.
    said=$(k exec client -- sh -c 'nc -w 2 $KUBERNETES_SERVICE_HOST 443 </dev/null && echo open')
    [ "$said" = open ]
}

@test "exec, logs, port-forward and the proxy, to the other node" {
    k run two --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-b"}}' --command -- sh -c 'echo begun; httpd -f -p 8080 -h /www'
    pod_ready two
    [ "$(k exec two -- hostname)" = two ]
    eventually 5 k logs two
    [ "$(k logs two)" = begun ]
    [ "$(kc get --raw "/api/v1/namespaces/$NS/pods/two:8080/proxy/")" = "hello from two" ]
    kc -n "$NS" port-forward pod/two 18092:8080 >"$BATS_TEST_TMPDIR/forward" 2>&1 3>&- 4>&- &
    forward=$!
    [ "$(eventually 5 fetch a "http://[::1]:18092/")" = "hello from two" ]
    pkill -P $forward # kubectl, in a subshell
    host_end KILL b
    run k exec two -- hostname
    [[ $output == *"dial tcp [fd00:96::2]:10250: connect: connection refused"* ]]
    host_start b
    eventually 20 k exec two -- hostname
}
