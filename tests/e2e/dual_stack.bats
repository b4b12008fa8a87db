# A cluster of both families of addresses, on two hosts that have both.
load helper
load hosts

HOSTS=dual
CLUSTER_CIDR='["10.244.0.0/16", "fd00:10:244::/56"]'
SERVICE_CIDR='["10.96.0.0/16", "fd00:10:96::/112"]'
ADDRESSES="10.97.0./24 fd00:97::/64"
SERVER=10.97.0.1

setup_file() {
    . "$E2E_ROOT/tests/e2e/cluster.bash"
    load hosts
    hosts_start
}

teardown_file() {
    load hosts
    hosts_end
}

# both_web NAME ARGS...: two pods, one on each node, behind a service of both families.
both_web() {
    local name=$1
    server_pod "$name-a" node-a
    server_pod "$name-b" node-b
    k label pod "$name-a" "$name-b" "app=$name"
    k create -f - <<YAML
{"apiVersion":"v1","kind":"Service","metadata":{"name":"$name"},"spec":{"type":"${2:-ClusterIP}","ipFamilyPolicy":"RequireDualStack",
 "selector":{"app":"$name"},"ports":[{"port":80,"targetPort":8080}]}}
YAML
    pod_ready "$name-a"
    pod_ready "$name-b"
}

@test "nodes and pods have an address of each family, and say so" {
    [ "$(kc get node node-b -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}')" = "10.97.0.2 fd00:97::2" ]
    [ "$(kc get node node-b -o jsonpath='{.spec.podCIDRs[*]}')" = "10.244.1.0/24 fd00:10:244:1::/64" ]
    k create -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: who}
spec:
  nodeName: node-b
  containers:
  - name: who
    image: sagong.local/hello:1
    env:
    - {name: PODS, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}
    - {name: HOSTS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}
YAML
    pod_ready who
    four=$(pod_ip who 0) six=$(pod_ip who 1)
    [[ $four == 10.244.1.* && $six == fd00:10:244:1::* ]]
    [ "$(value pod/who '{.status.podIP} {.status.hostIP} {.status.hostIPs[*].ip}')" = "$four 10.97.0.2 10.97.0.2 fd00:97::2" ]
    [ "$(k exec who -- sh -c 'echo $PODS $HOSTS')" = "$four,$six 10.97.0.2,fd00:97::2" ]
    [[ $(k exec who -- cat /etc/hosts) == *"$four"$'\t'who*"$six"$'\t'who* ]]
    k run host --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-b","hostNetwork":true}}'
    pod_ready host
    [ "$(value pod/host '{.status.podIPs[*].ip}')" = "10.97.0.2 fd00:97::2" ]
}

@test "pods and nodes reach each other over both, across nodes" {
    server_pod one node-a
    server_pod two node-b
    pod_ready one
    pod_ready two
    for family in 0 1; do
        one=$(pod_ip one $family) two=$(pod_ip two $family)
        [[ $one == *:* ]] && one="[$one]" two="[$two]"
        [ "$(pod_fetch one "http://$two:8080/")" = "hello from two" ]
        [ "$(pod_fetch two "http://$one:8080/")" = "hello from one" ]
        [ "$(fetch a "http://$two:8080/")" = "hello from two" ]
        [ "$(fetch b "http://$two:8080/")" = "hello from two" ]
    done
    # What leaves the cluster does so in the node's name.
    k run seen --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-b","hostNetwork":true}}' --command -- sh -c \
        'mkdir -p /tmp/cgi-bin && printf "#!/bin/sh\necho\necho from \$REMOTE_ADDR" >/tmp/cgi-bin/index.cgi && chmod +x /tmp/cgi-bin/index.cgi && exec httpd -f -p 8099 -h /tmp'
    pod_ready seen
    from() { pod_fetch one "http://$1:8099/cgi-bin/index.cgi"; }
    [[ $(eventually 5 from 10.97.0.2) == *10.97.0.1* ]]
    [[ $(from "[fd00:97::2]") == *fd00:97::1* ]]
}

@test "services lead to their pods by both addresses, by node ports and by external addresses" {
    both_web web NodePort
    four=$(value service/web '{.spec.clusterIPs[0]}') six=$(value service/web '{.spec.clusterIPs[1]}')
    [[ $four == 10.96.* && $six == fd00:10:96::* ]]
    port=$(value service/web '{.spec.ports[0].nodePort}')
    all() { for url in "http://$four/" "http://[$six]/" "http://10.97.0.1:$port/" "http://[fd00:97::1]:$port/"; do fetch "$1" "$url" || return; done; }
    eventually 10 all a
    eventually 10 all b
    [[ $(pod_fetch web-a "http://[$six]/") == "hello from web-"* ]]
    for _ in $(seq 30); do fetch b "http://[$six]/"; done | sort -u >"$BATS_TEST_TMPDIR/names"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/names")" = 2 ]
    itself() { for _ in 1 2 3 4 5 6; do [ -n "$(pod_fetch web-a "http://[$six]/")" ] || return; done; }
    itself # the pod that asks is one of those that serve
    k patch service web -p '{"spec":{"sessionAffinity":"ClientIP","externalIPs":["fd00:97::99"]}}'
    one() { [ "$(for _ in $(seq 10); do fetch b "http://[$six]/"; done | sort -u | wc -l)" = 1 ]; }
    eventually 5 one
    outside() { fetch a "http://[fd00:97::99]/"; }
    eventually 5 outside
    # Only this node's own pods serve strangers; both hosts have one.
    k patch service web -p '{"spec":{"sessionAffinity":"None","externalTrafficPolicy":"Local"}}'
    local_one() { [ "$(for _ in $(seq 10); do fetch b "http://[fd00:97::1]:$port/"; done | sort -u)" = "hello from web-a" ]; }
    eventually 5 local_one
}

@test "who may come through a load balancer, by family" {
    both_web lb LoadBalancer
    k patch service lb --subresource=status -p '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"},{"ip":"2001:db8::7"}]}}}'
    on b ip route add 192.0.2.7 via 10.97.0.1
    on b ip -6 route add 2001:db8::7 via fd00:97::1
    both() { fetch b http://192.0.2.7/ && fetch b "http://[2001:db8::7]/"; }
    eventually 5 both
    k patch service lb -p '{"spec":{"loadBalancerSourceRanges":["10.97.0.0/24","2001:db8:ffff::/48"]}}'
    kept_out() { fetch b http://192.0.2.7/ && ! fetch b "http://[2001:db8::7]/"; }
    eventually 10 kept_out
    # Whether a node has endpoints, it tells a balancer of either family; a pod of both counts once.
    k patch service lb -p '{"spec":{"externalTrafficPolicy":"Local"}}'
    port=$(value service/lb '{.spec.healthCheckNodePort}')
    healthy() { [[ $(fetch b "http://$1:$port/healthz" | jq -c .localEndpoints) == 1 ]]; }
    eventually 5 healthy "[fd00:97::1]"
    eventually 5 healthy 10.97.0.1
}

@test "a family without endpoints refuses, and one that a service does not have leads nowhere" {
    server_pod six node-b
    k create -f - <<'YAML'
{"apiVersion":"v1","kind":"Service","metadata":{"name":"six"},"spec":{"ipFamilies":["IPv6"],"ipFamilyPolicy":"SingleStack","type":"NodePort",
 "selector":{"run":"six"},"ports":[{"port":80,"targetPort":8080}]}}
YAML
    pod_ready six
    ip=$(value service/six '{.spec.clusterIP}') port=$(value service/six '{.spec.ports[0].nodePort}')
    eventually 5 fetch a "http://[$ip]/"
    eventually 5 fetch b "http://[fd00:97::1]:$port/"
    ! fetch b "http://10.97.0.1:$port/"
    k delete pod six --now
    refused() { fetch a "http://[$ip]/" 2>&1 | grep -qiE 'refused|failed to connect' && fetch b "http://[$ip]/" 2>&1 | grep -qiE 'refused|failed to connect'; }
    eventually 5 refused
}

@test "host ports lead to pods over both" {
    k run port --image=sagong.local/hello:1 --overrides='{"spec":{"nodeName":"node-a","containers":[{"name":"c","image":"sagong.local/hello:1","ports":[{"containerPort":8080,"hostPort":54325},{"containerPort":8080,"hostPort":54326,"hostIP":"fd00:97::1"}]}]}}'
    pod_ready port
    [ "$(eventually 5 fetch b http://10.97.0.1:54325/)" = "hello from port" ]
    [ "$(eventually 5 fetch b "http://[fd00:97::1]:54325/")" = "hello from port" ]
    [ "$(eventually 5 fetch b "http://[fd00:97::1]:54326/")" = "hello from port" ]
    [ "$(fetch a "http://[fd00:97::1]:54326/")" = "hello from port" ]
    ! fetch b http://10.97.0.1:54326/
    [ "$(fetch a http://127.0.0.1:54325/)" = "hello from port" ]
    refused() { fetch a "http://[::1]:54325/" 2>&1 | grep -qiE 'refused|failed to connect'; }
    refused # nothing leaves a host by IPv6's loopback
}

@test "policies hold for both" {
    server_pod server node-a
    server_pod friend node-b
    server_pod stranger node-b
    for pod in server friend stranger; do pod_ready $pod; done
    four=$(pod_ip server 0) six=$(pod_ip server 1)
    pod_fetch stranger "http://[$six]:8080/"
    policy() {
        k apply -f - <<YAML
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends}
spec:
  podSelector: {matchLabels: {run: server}}
  ingress:
  - from: [$1]
YAML
    }
    six="http://[$six]:8080/" four="http://$four:8080/"
    # answers COUNT POD URL...: whether so many of them answer the pod.
    answers() {
        local count=$1 pod=$2
        shift 2
        [ "$(k exec "$pod" -- sh -c 'for url; do timeout 2 wget -q -O- "$url" & done; wait' sh "$@" | grep -c hello)" = "$count" ]
    }
    policy '{podSelector: {matchLabels: {run: friend}}}'
    kept_out() { answers 0 stranger "$six" "$four"; }
    eventually 20 kept_out
    answers 2 friend "$six" "$four"
    fetch a "$six" # its own node
    policy "{ipBlock: {cidr: 'fd00:10:244::/56', except: ['$(pod_ip friend 1)/128']}}"
    six_only() { answers 1 stranger "$six" && answers 0 stranger "$four" && answers 0 friend "$six" "$four"; }
    eventually 20 six_only
}

@test "names lead to both families, and addresses back to names" {
    both_web named
    six=$(value service/named '{.spec.clusterIPs[1]}')
    name=named.$NS.svc.cluster.local
    look() { on b busybox nslookup "$@"; }
    forward() { look -type=aaaa "$name" fd00:10:244:1::1 | grep -q "Address: $six\$"; }
    eventually 5 forward # by the server's other address too
    look -type=a "$name" 10.96.0.10 | grep -q "Address: $(value service/named '{.spec.clusterIPs[0]}')\$"
    look "$six" 10.96.0.10 | grep -q "name = $name\$"
    k patch service named --type=json -p '[{"op":"replace","path":"/spec/ipFamilyPolicy","value":"SingleStack"}]'
    gone() { look -type=aaaa "$name" 10.96.0.10 | grep -q "No answer\|Can't find" || ! look -type=aaaa "$name" 10.96.0.10 | grep -q "$six"; }
    eventually 5 gone
    k create service clusterip pods --clusterip=None --tcp=80
    k patch service pods -p "{\"spec\":{\"ipFamilyPolicy\":\"PreferDualStack\",\"selector\":{\"app\":\"named\"}}}"
    headless() { look -type=aaaa "pods.$NS.svc.cluster.local" 10.96.0.10 | grep -q "Address: $(pod_ip named-a 1)\$"; }
    eventually 5 headless
    [[ $(k exec named-b -- wget -q -O- http://named/) == "hello from named-"* ]]
}

@test "port-forward to a pod that listens to IPv6 alone" {
    k run six --image=sagong.local/hello:1 --restart=Never --command -- sh -c 'trap exit TERM; httpd -p "[::1]:8091" -h /bin; while :; do sleep 1; done'
    pod_ready six
    kc -n "$NS" port-forward pod/six 18091:8091 >"$BATS_TEST_TMPDIR/forward" 2>&1 3>&- 4>&- &
    forward=$!
    there() { fetch a http://127.0.0.1:18091/no 2>&1 | grep -q 404; }
    eventually 5 there
    pkill -P $forward # kubectl, in a subshell
}

@test "both families outlive the agent" {
    server_pod stays node-b
    pod_ready stays
    was=$(value pod/stays '{.status.podIPs[*].ip}')
    host_end KILL b
    fetch a "http://[$(pod_ip stays 1)]:8080/" # meanwhile
    host_start b
    server_pod next node-b
    pod_ready next
    [ "$(value pod/stays '{.status.podIPs[*].ip} {.status.containerStatuses[0].restartCount}')" = "$was 0" ]
    [ "$(pod_fetch next "http://[$(pod_ip stays 1)]:8080/")" = "hello from stays" ]
    [ "$(pod_ip next 1)" != "$(pod_ip stays 1)" ]
}

@test "addresses of a node that are none, or not a pair, are refused" {
    refuses() {
        run on b timeout 10 "$SAGONG" agent --server https://10.97.0.1:6443 --token x --data-dir "$BATS_TEST_TMPDIR" --node-ip "$1"
        [ "$status" != 0 ]
        [[ $output == *"$2"* ]]
    }
    refuses nobody 'failed to parse --node-ip: could not parse "nobody"'
    refuses 10.97.0.2,10.97.0.3 'must contain either a single IP or a dual-stack pair of IPs'
    refuses 10.97.0.2,:: "dual-stack node IP cannot include '0.0.0.0' or '::'"
}
