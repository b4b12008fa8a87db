# The API with IPv6 alone and with both families, without a node; a host of its own.
. "$E2E_ROOT/tests/e2e/cluster.bash"

on_f() {
    nsenter --net="/run/netns/$E2E_NS-f" "$@"
}

# serve NAME FLAG...: a server of its own; $KUBECONFIG leads there.
serve() {
    local dir=$E2E_DIR/$1
    shift
    export KUBECONFIG=$dir.kubeconfig
    nsenter --net="/run/netns/$E2E_NS-f" "$SAGONG" server --no-node --data-dir "$dir" --kubeconfig-out "$KUBECONFIG" --config "$dir.yaml" "$@" \
        >>"$dir.log" 2>&1 3>&- 4>&- &
    SERVER=$!
    eventually 20 kf get --raw /readyz
}

kf() {
    on_f "$E2E_KUBECTL" "$@"
}

setup_file() {
    ip netns add "$E2E_NS-f"
    ip -n "$E2E_NS-f" link set lo up
    ip -n "$E2E_NS-f" link add eth0 type veth peer name eth1
    ip -n "$E2E_NS-f" link set eth1 up
    ip -n "$E2E_NS-f" link set eth0 up
    ip -n "$E2E_NS-f" addr add 192.0.2.1/24 dev eth0
    ip -n "$E2E_NS-f" addr add 2001:db8:f::1/64 dev eth0 nodad
}

teardown() {
    [ -z "$SERVER" ] || kill "$SERVER"
    wait
}

teardown_file() {
    ip netns del "$E2E_NS-f"
}

@test "a cluster of IPv6 alone is served over IPv6" {
    serve six --service-cidr fd00:96::/112 --cluster-cidr fd00:244::/56
    grep -q 'https://\[2001:db8:f::1\]:6443' "$KUBECONFIG"
    [ "$(kf get service kubernetes -o jsonpath='{.spec.clusterIP} {.spec.ipFamilies}')" = 'fd00:96::1 ["IPv6"]' ]
    [ "$(kf get endpointslice kubernetes -o jsonpath='{.addressType} {.endpoints[0].addresses[0]}')" = "IPv6 2001:db8:f::1" ]
    openssl x509 -in "$E2E_DIR/six/pki/server.crt" -noout -ext subjectAltName | grep -q 'FD00:96:0:0:0:0:0:1'
    run kf create service clusterip web --tcp=80
    [ "$status" = 0 ]
    [[ $(kf get service web -o jsonpath='{.spec.clusterIPs[*]}') == fd00:96::* ]]
    run kf patch service web -p '{"spec":{"ipFamilyPolicy":"RequireDualStack"}}'
    [[ $output == *"this cluster is not configured for dual-stack services"* ]]
}

@test "services and nodes of both families, as kubectl shows them" {
    serve both --service-cidr 10.96.0.0/16,fd00:96::/112 --cluster-cidr 10.244.0.0/16,fd00:244::/56
    kf create service clusterip web --tcp=80
    [[ $(kf get service web -o jsonpath='{.spec.clusterIPs[*]}') == 10.96.* ]]
    kf patch service web -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'
    run kf describe service web
    [[ $output =~ "IP Family Policy:"\ +"PreferDualStack" ]]
    [[ $output =~ "IP Families:"\ +"IPv4,IPv6" ]]
    [[ $output =~ "IPs:"\ +10\.96\.[0-9.]+,fd00:96::[0-9a-f]+ ]]
    eventually 5 kf get ipaddress "$(kf get service web -o jsonpath='{.spec.clusterIPs[1]}')"
    # What the server has filled in does not stand in the way of applying again.
    cat >"$BATS_TEST_TMPDIR/again.yaml" <<YAML
apiVersion: v1
kind: Service
metadata:
  name: again
spec:
  ipFamilyPolicy: RequireDualStack
  ports:
  - port: 80
YAML
    kf apply -f "$BATS_TEST_TMPDIR/again.yaml"
    [[ $(kf apply -f "$BATS_TEST_TMPDIR/again.yaml") == *unchanged ]]
    kf apply --server-side --force-conflicts -f "$BATS_TEST_TMPDIR/again.yaml"
    [ "$(kf get service again -o jsonpath='{.spec.ipFamilies}')" = '["IPv4","IPv6"]' ]
    kf patch service web -p '{"spec":{"ipFamilyPolicy":"SingleStack"}}'
    [ "$(kf get service web -o jsonpath='{.spec.ipFamilies}')" = '["IPv4"]' ]
    echo '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}}' | kf create -f -
    eventually 5 kf wait --for=jsonpath='{.spec.podCIDR}'=10.244.0.0/24 node/n --timeout=1s
    run kf describe node n
    [[ $output =~ "PodCIDRs:"\ +"10.244.0.0/24,fd00:244::/64" ]]
    [ "$(kf get servicecidr kubernetes -o jsonpath='{.spec.cidrs[*]}')" = "10.96.0.0/16 fd00:96::/112" ]
}

@test "ranges that do not fit together are refused at start" {
    SERVER=
    run on_f "$SAGONG" server --no-node --data-dir "$E2E_DIR/bad" --config "$E2E_DIR/bad.yaml" --service-cidr 10.96.0.0/16,10.97.0.0/16
    [ "$status" != 0 ]
    [[ $output == *"--service-cidr is a range of addresses, or one of each family"* ]]
    run on_f "$SAGONG" server --no-node --data-dir "$E2E_DIR/bad" --config "$E2E_DIR/bad.yaml" --service-cidr fd00:96::/112 --advertise-address 192.0.2.1
    [[ $output == *"must be of the family of the first --service-cidr, IPv6"* ]]
}
