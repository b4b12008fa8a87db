# Names of the cluster, as pods and nodes look them up; the last test with a second node.
load helper

# from_pod NAME COMMAND...: runs it in a pod, and prints what it said.
from_pod() {
    local name=$1
    shift
    pod "$name" "$*" >&2
    phase "$name" Succeeded >&2
    k logs "$name"
}

@test "a pod finds a service by its short name, and what it says of itself" {
    k create deployment web --image=sagong.local/hello:1 --port=8080
    k expose deployment web --port=80 --target-port=8080 --name=web
    k wait --for=condition=Available deployment/web --timeout=20s
    [[ $(from_pod short "timeout 5 wget -q -O- http://web/") == "hello from web-"* ]]
    ip=$(value service/web '{.spec.clusterIP}')
    said=$(from_pod long "nslookup $ip; nslookup nobody.$NS.svc.cluster.local; cat /etc/resolv.conf")
    [[ $said == *"NXDOMAIN"* ]]
    [[ $said == *"name = web.$NS.svc.cluster.local"* ]]
    [[ $said == *"search $NS.svc.cluster.local svc.cluster.local cluster.local"*"nameserver 10.96.0.10"*"options ndots:5"* ]]
}

@test "pods of a headless service have names of their own" {
    k create service clusterip db --clusterip=None --tcp=5432
    k run db-0 --image=sagong.local/hello:1 --labels=app=db --overrides='{"spec":{"hostname":"db-0","subdomain":"db"}}'
    pod_ready db-0
    ip=$(value pod/db-0 '{.status.podIP}')
    there() { nsenter --net="/run/netns/$E2E_NS" busybox nslookup -type=a "db-0.db.$NS.svc.cluster.local" 10.96.0.10 | grep -q "Address: $ip\$"; }
    eventually 5 there # the node itself asks, too
    [[ $(from_pod own "cat /etc/hosts; nslookup -type=a db.$NS.svc.cluster.local") == *"Address: $ip"* ]]
}

@test "kube-dns is a service as any other" {
    [ "$(kc get service kube-dns -n kube-system -o jsonpath='{.spec.clusterIP} {.spec.ports[*].name}')" = "10.96.0.10 dns dns-tcp" ]
    kc delete service kube-dns -n kube-system
    back() { [ "$(kc get service kube-dns -n kube-system -o jsonpath='{.spec.clusterIP}')" = 10.96.0.10 ]; }
    eventually 5 back
    # Who brings a DNS of their own gets it.
    kc patch service kube-dns -n kube-system -p '{"spec":{"selector":{"k8s-app":"kube-dns"}}}'
    mine() { kc get endpointslices -n kube-system -l endpointslice.kubernetes.io/managed-by=cluster-dns-controller.sagong -o name; }
    empty() { [ -z "$(mine)" ]; }
    eventually 5 empty
    kc patch service kube-dns -n kube-system --type=json -p '[{"op":"remove","path":"/spec/selector"}]'
    full() { [ -n "$(mine)" ]; }
    eventually 5 full
}
