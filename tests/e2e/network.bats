# Pods, services and the node reach each other.
load helper

web() {
    k create deployment web --image=sagong.local/hello:1 --replicas=2 --port=8080
    k expose deployment web --port=80 --target-port=8080 --type=NodePort
    k wait --for=condition=Available deployment/web --timeout=20s
}

# from_pod COMMAND...: runs it in a pod, and prints what it said.
from_pod() {
    pod client "$*" >&2
    phase client Succeeded >&2
    k logs client
}

@test "the node reaches a pod, and a pod the node" {
    k run web --image=sagong.local/hello:1
    pod_ready web
    run curl -sS -m 5 "http://$(value pod/web '{.status.podIP}'):8080/"
    [ "$output" = "hello from web" ]
    from_pod "nc -w 2 10.99.0.1 6443 </dev/null"
}

@test "a pod reaches a pod" {
    k run web --image=sagong.local/hello:1
    pod_ready web
    [ "$(from_pod "timeout 5 wget -q -O- http://$(value pod/web '{.status.podIP}'):8080/")" = "hello from web" ]
}

@test "a service's address leads to its pods, from a pod and from the node" {
    web
    ip=$(value service/web '{.spec.clusterIP}')
    [[ $(from_pod "for i in 1 2 3 4 5 6 7 8; do timeout 5 wget -q -O- http://$ip/; done") == *"hello from web-"* ]]
    eventually 5 curl -sS -m 2 "http://$ip/"
    # Both replicas get their share.
    for _ in $(seq 40); do curl -sS -m 2 "http://$ip/"; done | sort -u >"$BATS_TEST_TMPDIR/names"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/names")" = 2 ]
}

@test "a node port does too" {
    web
    port=$(value service/web '{.spec.ports[0].nodePort}')
    eventually 5 curl -sS -m 2 "http://10.99.0.1:$port/"
    run nsenter --net="/run/netns/$E2E_NS-b" curl -sS -m 2 "http://10.99.0.1:$port/"
    [[ $output == "hello from web-"* ]]
}

@test "a service without endpoints refuses at once" {
    k create service clusterip nobody --tcp=80:8080
    ip=$(value service/nobody '{.spec.clusterIP}')
    refused() { curl -sS -m 2 "http://$ip/" 2>&1 | grep -q -i -E 'refused|failed to connect'; }
    eventually 5 refused
}

@test "a pod reaches itself through its service" {
    k run self --image=sagong.local/hello:1 --labels=app=self --port=8080
    k expose pod self --port=80 --target-port=8080
    pod_ready self
    ip=$(value service/self '{.spec.clusterIP}')
    pid=$(value pod/self '{.status.podIP}')
    [ -n "$pid" ]
    k delete pod self --now
    k run self --image=sagong.local/hello:1 --labels=app=self --port=8080 --restart=Never --command -- \
        sh -c "httpd -p 8080 -h /www; sleep 1; for i in 1 2 3 4 5 6 7 8 9; do timeout 5 wget -q -O- http://$ip/ && exit 0; sleep 0.5; done; exit 1"
    phase self Succeeded
}

@test "session affinity keeps a client with one pod" {
    web
    k patch service web -p '{"spec":{"sessionAffinity":"ClientIP"}}'
    ip=$(value service/web '{.spec.clusterIP}')
    one() { [ "$(for _ in $(seq 20); do curl -sS -m 2 "http://$ip/"; done | sort -u | wc -l)" = 1 ]; }
    eventually 5 one
}

@test "a host port leads to its pod, from outside, from the node and from its loopback" {
    k run port --image=sagong.local/hello:1 --overrides='{"spec":{"containers":[{"name":"c","image":"sagong.local/hello:1","ports":[{"containerPort":8080,"hostPort":54323}]}]}}'
    k run loop --image=sagong.local/hello:1 --overrides='{"spec":{"containers":[{"name":"c","image":"sagong.local/hello:1","ports":[{"containerPort":8080,"hostPort":54324,"hostIP":"127.0.0.1"}]}]}}'
    pod_ready port
    pod_ready loop
    from_b() { nsenter --net="/run/netns/$E2E_NS-b" curl -sS -m 2 "http://10.99.0.1:$1/"; }
    [ "$(eventually 5 from_b 54323)" = "hello from port" ]
    [ "$(curl -sS -m 2 http://127.0.0.1:54323/)" = "hello from port" ]
    [ "$(curl -sS -m 2 http://127.0.0.1:54324/)" = "hello from loop" ]
    ! from_b 54324
    k delete pod port --now
    closed() { ! from_b 54323; }
    eventually 5 closed
}

@test "a load balancer can ask whether a node has endpoints" {
    k create deployment web --image=sagong.local/hello:1 --port=8080
    k wait --for=condition=Available deployment/web --timeout=20s
    k create -f - <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
YAML
    port=$(value service/web '{.spec.healthCheckNodePort}')
    check() { curl -sS -m 2 -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "http://10.99.0.1:$port/healthz" | grep -q "$1"; }
    eventually 5 check 200
    [ "$(jq -c . "$BATS_TEST_TMPDIR/body")" = "{\"service\":{\"namespace\":\"$NS\",\"name\":\"web\"},\"localEndpoints\":1,\"serviceProxyHealthy\":true}" ]
    k scale deployment web --replicas=0
    eventually 5 check 503
    k patch service web -p '{"spec":{"type":"ClusterIP"}}'
    closed() { ! curl -sS -m 2 "http://10.99.0.1:$port/healthz"; }
    eventually 5 closed
}
