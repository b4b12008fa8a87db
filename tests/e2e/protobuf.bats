# A client that speaks Protobuf alone, by an implementation that is not ours: see protobuf_client.py.
load helper

setup_file() {
    kubectl_data() { "$E2E_KUBECTL" config view --raw -o jsonpath="$1" | base64 -d; }
    kubectl_data '{.clusters[0].cluster.certificate-authority-data}' >"$E2E_DIR/ca.pem"
    kubectl_data '{.users[0].user.client-certificate-data}' >"$E2E_DIR/cert.pem"
    kubectl_data '{.users[0].user.client-key-data}' >"$E2E_DIR/key.pem"
    mkdir -p "$E2E_DIR/protos"
    python3 "$E2E_ROOT/tools/apigen" --proto "$E2E_DIR/protos" "$E2E_ROOT"/api/*.api "$E2E_ROOT"/api/*/*.api
    (cd "$E2E_DIR/protos" && find . -name '*.proto' -exec protoc -I . --descriptor_set_out=kinds.pb --include_imports {} +)
}

# speak PART: runs that part of the client in this test's namespace.
speak() {
    timeout 60 /usr/bin/python3 "$E2E_ROOT/tests/e2e/protobuf_client.py" "$E2E_DIR/protos/kinds.pb" https://10.99.0.1:6443 \
        "$E2E_DIR/ca.pem" "$E2E_DIR/cert.pem" "$E2E_DIR/key.pem" "$NS" "$1"
}

@test "protobuf: create, read, list in pages, replace, delete one and all" {
    speak crud
}

@test "protobuf: what is nested, inlined, a quantity or a number or a name" {
    speak pods
}

@test "protobuf: answers to patches of every kind" {
    speak patches
}

@test "protobuf: watches" {
    speak watches
}

@test "protobuf: a list as a stream" {
    speak streams
}

@test "protobuf: metadata alone; no tables" {
    speak partial
}

@test "protobuf: refusals" {
    speak refusals
}
