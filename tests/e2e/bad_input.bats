# What a hostile or careless client may send over the wire: a clear Status comes back, and nothing else is harmed.
load helper

API=https://10.99.0.1:6443

setup_file() {
    kubectl_data() { "$E2E_KUBECTL" config view --raw -o jsonpath="$1" | base64 -d; }
    kubectl_data '{.clusters[0].cluster.certificate-authority-data}' >"$E2E_DIR/ca.pem"
    kubectl_data '{.users[0].user.client-certificate-data}' >"$E2E_DIR/cert.pem"
    kubectl_data '{.users[0].user.client-key-data}' >"$E2E_DIR/key.pem"
}

# api PATH CURL-ARGS...: the response's body, as administrator.
api() {
    local path=$1
    shift
    curl -sS -m 20 --cacert "$E2E_DIR/ca.pem" --cert "$E2E_DIR/cert.pem" --key "$E2E_DIR/key.pem" "$@" "$API$path"
}

create() {
    api "/api/v1/namespaces/$NS/configmaps" -X POST -H "Content-Type: ${2:-application/json}" --data-binary "$1"
}

# is CODE REASON: what the Status in $output says.
is() {
    echo "$output" | head -c 2000
    [ "$(jq -r '"\(.kind) \(.status) \(.code) \(.reason)"' <<<"$output")" = "Status Failure $1 $2" ]
}

alive() {
    [ "$(kc get --raw /readyz)" = ok ]
}

@test "malformed JSON, YAML, Protobuf" {
    run create '{"apiVersion":"v1","kind":"ConfigMap"'
    is 400 BadRequest
    run create $'a: [\nb' application/yaml
    is 400 BadRequest
    run create 'not protobuf' application/vnd.kubernetes.protobuf
    is 400 BadRequest
    run create $'k8s\x01' application/vnd.kubernetes.protobuf
    is 400 BadRequest
    alive
}

@test "a certificate before and after its time" {
    certificate /O=system:masters/CN=late '2 days ago' '1 minute ago'
    run api /api/v1/namespaces --cert "$BATS_TEST_TMPDIR/tls.crt" --key "$BATS_TEST_TMPDIR/tls.key"
    is 401 Unauthorized
    certificate /O=system:masters/CN=early '1 hour' '2 days'
    run api /api/v1/namespaces --cert "$BATS_TEST_TMPDIR/tls.crt" --key "$BATS_TEST_TMPDIR/tls.key"
    is 401 Unauthorized
    certificate /O=system:masters/CN=now '1 hour ago' '2 days'
    run api /api/v1/namespaces --cert "$BATS_TEST_TMPDIR/tls.crt" --key "$BATS_TEST_TMPDIR/tls.key"
    [ "$(jq -r .kind <<<"$output")" = NamespaceList ]
}

@test "unknown and duplicate fields" {
    run api "/api/v1/namespaces/$NS/configmaps?fieldValidation=Strict" -X POST -H 'Content-Type: application/json' \
        --data '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","nam":"b"},"data":{},"data":{}}'
    is 400 BadRequest
    [[ $output == *'unknown field \"metadata.nam\"'* && $output == *'duplicate field \"data\"'* ]]
}

@test "wrong types" {
    run create '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":7}}'
    is 400 BadRequest
    run create '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}'
    is 400 BadRequest
    [[ $output == *'cannot be handled as a ConfigMap'* ]]
    run create '[]'
    is 400 BadRequest
}

@test "bad names" {
    run create '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"No Good"}}'
    is 422 Invalid
    [ "$(jq -r '.details.causes[0].field' <<<"$output")" = metadata.name ]
    run create '{"apiVersion":"v1","kind":"ConfigMap","metadata":{}}'
    is 422 Invalid
    [[ $output == *'name or generateName is required'* ]]
}

@test "too deep, too large" {
    run create "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},\"x\":$(printf '[%.0s' $(seq 20000))$(printf ']%.0s' $(seq 20000))}"
    is 400 BadRequest
    head -c 4000000 /dev/zero | tr '\0' a >"$BATS_TEST_TMPDIR/large"
    # By HTTP/1.1: curl 7.88 loses an early answer over HTTP/2.
    run api "/api/v1/namespaces/$NS/configmaps" --http1.1 -X POST -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/large"
    is 413 RequestEntityTooLarge
    alive
}

@test "a media type that nobody speaks" {
    run create '{}' text/plain
    is 415 UnsupportedMediaType
    run api "/api/v1/namespaces/$NS/configmaps" -H 'Accept: image/png'
    is 406 NotAcceptable
}

@test "forged and foreign tokens" {
    for token in x "$(printf '{"alg":"none"}' | base64 | tr -d =).e30." eyJhbGciOiJIUzI1NiJ9.e30.c2ln; do
        run curl -sS --cacert "$E2E_DIR/ca.pem" -H "Authorization: Bearer $token" "$API/api/v1/pods"
        is 401 Unauthorized
    done
    run curl -sS --cacert "$E2E_DIR/ca.pem" "$API/api/v1/pods"
    is 403 Forbidden
    [[ $output == *'User \"system:anonymous\" cannot list resource \"pods\"'* ]]
}

@test "a certificate of another authority" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=system:masters/CN=eve \
        -keyout "$BATS_TEST_TMPDIR/k" -out "$BATS_TEST_TMPDIR/c" 2>/dev/null
    run curl -sS --cacert "$E2E_DIR/ca.pem" --cert "$BATS_TEST_TMPDIR/c" --key "$BATS_TEST_TMPDIR/k" "$API/api/v1/pods"
    [ "$(jq -r .code <<<"$output" 2>/dev/null)" = 401 ] || [[ $output == *"alert"* ]]
    alive
}

@test "half-closed and silent connections" {
    timeout 1 openssl s_client -quiet -connect 10.99.0.1:6443 <<<$'GET / HTTP/1.1\r\nHost: x\r\n' >/dev/null 2>&1 || true
    exec 7<>/dev/tcp/10.99.0.1/6443
    alive
    exec 7>&-
    alive
}

# raw BYTES: over TLS, as they are; prints the answer.
raw() {
    printf "$1" | timeout 3 openssl s_client -quiet -connect 10.99.0.1:6443 -cert "$E2E_DIR/cert.pem" -key "$E2E_DIR/key.pem" 2>/dev/null || true
}

@test "smuggling: two lengths, length and chunks, folded headers" {
    run raw 'POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'
    [[ $output == "HTTP/1.1 400"* ]]
    run raw 'POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
    [[ $output == "HTTP/1.1 400"* ]]
    run raw 'GET /api HTTP/1.1\r\nHost : x\r\n\r\n'
    [[ $output == "HTTP/1.1 400"* ]]
    alive
}

@test "an expired resourceVersion, a continue token that is none" {
    run api "/api/v1/namespaces/$NS/configmaps?continue=nonsense&limit=1"
    is 400 BadRequest
    run api "/api/v1/namespaces/$NS/configmaps?watch=1&resourceVersion=1&timeoutSeconds=1"
    [[ $output == *'"code":410'* || $output == *'"type":"ADDED"'* || -z $output ]]
    run api "/api/v1/namespaces/$NS/configmaps?limit=minus"
    is 400 BadRequest
}

@test "a corrupt image is refused" {
    head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/noise.tar"
    run "$SAGONG" image load --data-dir "$E2E_DIR/data" "$BATS_TEST_TMPDIR/noise.tar"
    [ "$status" != 0 ]
    [ -n "$output" ]
}

@test "a layer that tries to write outside its root" {
    d=$BATS_TEST_TMPDIR
    mkdir -p "$d/image"
    echo owned >"$d/owned"
    tar -C "$d" -P --transform "s,owned,../../../../../../../../tmp/sagong-escaped-$$," -cf "$d/image/layer.tar" owned
    id=$(sha256sum "$d/image/layer.tar" | cut -d' ' -f1)
    echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$id\"]}}" >"$d/image/config.json"
    echo '[{"Config":"config.json","RepoTags":["sagong.local/escape:1"],"Layers":["layer.tar"]}]' >"$d/image/manifest.json"
    tar -C "$d/image" -cf "$d/escape.tar" manifest.json config.json layer.tar
    run "$SAGONG" image load --data-dir "$E2E_DIR/data" "$d/escape.tar"
    [ "$status" != 0 ]
    [ ! -e "/tmp/sagong-escaped-$$" ]
}

@test "a full disk refuses changes, and nothing else" {
    dir=$BATS_TEST_TMPDIR/small
    mkdir "$dir"
    mount -t tmpfs -o size=6m tmpfs "$dir"
    "$SAGONG" server --no-node --data-dir "$dir/data" --listen 127.0.0.1:7443 --kubeconfig-out "$BATS_TEST_TMPDIR/kc" \
        --config /dev/null >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    pid=$!
    small() { kc --kubeconfig "$BATS_TEST_TMPDIR/kc" "$@"; }
    eventually 10 small get namespace default
    head -c 200000 /dev/urandom | base64 -w0 >"$BATS_TEST_TMPDIR/blob"
    made=0
    while [ $made -lt 40 ] && small create configmap "c$made" --from-file="$BATS_TEST_TMPDIR/blob" 2>"$BATS_TEST_TMPDIR/said"; do
        made=$((made + 1))
    done
    said=$(cat "$BATS_TEST_TMPDIR/said")
    here=$(small get configmaps -o name | grep -c /c)
    ready=$(small get --raw /readyz)
    small delete configmap c0
    small create configmap little
    kill $pid
    while kill -0 $pid 2>/dev/null; do sleep 0.05; done
    umount "$dir"
    [[ $said == *"no space is left on the disk"* ]]
    [ "$here" = "$made" ]
    [ "$ready" = ok ]
}
