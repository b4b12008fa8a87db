# The proxy subresource of pods, services and nodes.
load helper

setup_file() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    kc create namespace proxied
    kc -n proxied run web --image=sagong.local/hello:1 --restart=Never --port 8090 --command -- \
        sh -c 'trap exit TERM; mkdir -p /tmp/w/sub; echo "<a href=/x>" >/tmp/w/index.html; echo plain >/tmp/w/file.txt; echo "<a href=/x>" >/tmp/w/page.txt
            httpd -p 8090 -h /tmp/w; while :; do sleep 1; done'
    kc -n proxied expose pod web --name=svc --port=80 --target-port=8090
    kc -n proxied wait --for=condition=Ready pod/web --timeout=20s
}

teardown_file() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    kc delete namespace proxied --wait=false
}

raw() {
    kc get --raw "/api/v1/namespaces/proxied/$1"
}

@test "a pod, by name, port and scheme" {
    [ "$(raw pods/web/proxy/file.txt)" = plain ]
    [ "$(raw pods/web:8090/proxy/file.txt)" = plain ]
    [ "$(raw pods/http:web:8090/proxy/file.txt)" = plain ]
    run raw pods/web:1/proxy/
    [[ $output == *"error trying to reach service: dial tcp "*":1: connect: connection refused"* ]]
    run raw pods/gopher:web:8090/proxy/
    [[ $output == *'invalid pod request "gopher:web:8090"'* ]]
}

@test "a service, by name and port" {
    eventually 10 raw services/svc:80/proxy/file.txt
    [ "$(raw services/svc/proxy/file.txt)" = plain ]
    run raw services/svc:81/proxy/
    [[ $output == *'no service port 81 found for service "svc"'* ]]
    run raw services/svc:name/proxy/
    [[ $output == *'no endpoints available for service "svc"'* ]]
}

@test "links and redirects lead back through the server" {
    local root=/api/v1/namespaces/proxied/pods/web/proxy
    [ "$(raw pods/web/proxy/)" = "<a href=$root/x>" ]
    [ "$(raw pods/web/proxy/page.txt)" = "<a href=/x>" ]
    kc proxy -p 18001 >/dev/null 3>&- 4>&- &
    local proxy=$!
    eventually 5 curl -sf -o /dev/null http://127.0.0.1:18001/version
    [ "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "http://127.0.0.1:18001$root?a=b")" = "301 http://127.0.0.1:18001$root/?a=b" ]
    [ "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "http://127.0.0.1:18001$root/sub")" = "302 http://127.0.0.1:18001$root/sub/" ]
    kill "$proxy"
}

@test "a node's agent" {
    local node
    node=$(kc get nodes -o jsonpath='{.items[0].metadata.name}')
    [ "$(kc get --raw "/api/v1/nodes/$node/proxy/healthz")" = ok ]
    [ "$(kc get --raw "/api/v1/nodes/$node:10250/proxy/healthz")" = ok ]
}

@test "a node's statistics: what its pods use" {
    local node
    node=$(kc get nodes -o jsonpath='{.items[0].metadata.name}')
    kc get --raw "/api/v1/nodes/$node/proxy/stats/summary" | jq -e --arg node "$node" '
        (.node.nodeName == $node) and (.node.memory.workingSetBytes > 0) and (.node.fs.capacityBytes > 0)
        and (.pods[] | select(.podRef.name == "web") | .containers[0].memory.usageBytes > 0 and .network.name == "eth0")'
    sleep 1.1 # a rate needs two readings
    kc get --raw "/api/v1/nodes/$node/proxy/stats/summary" | jq -e '.node.cpu.usageNanoCores > 0'
    kc get --raw "/api/v1/nodes/$node/proxy/metrics/resource" |
        grep '^container_memory_working_set_bytes{container="web",namespace="proxied",pod="web"} [1-9]'
}

@test "a proxy needs its own permission" {
    k create serviceaccount none
    run kc get --raw /api/v1/namespaces/proxied/pods/web/proxy/ --as "system:serviceaccount:$NS:none"
    [[ $output == *'cannot get resource "pods/proxy"'* ]]
}
