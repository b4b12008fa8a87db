# Images come from files and from registries.
load helper

REGISTRY=127.0.0.1:5055

# A registry on loopback, plain HTTP; with a password file it asks for basic auth.
registry() {
    cat >"$BATS_TEST_TMPDIR/registry.yml" <<YAML
version: 0.1
storage: {filesystem: {rootdirectory: $BATS_TEST_TMPDIR/registry}, delete: {enabled: true}}
http: {addr: $REGISTRY}
YAML
    [ -z "${1:-}" ] || echo "auth: {htpasswd: {realm: test, path: $1}}" >>"$BATS_TEST_TMPDIR/registry.yml"
    docker-registry serve "$BATS_TEST_TMPDIR/registry.yml" >"$BATS_TEST_TMPDIR/registry.log" 2>&1 3>&- &
    REGISTRY_PID=$!
    eventually 10 curl -sS "http://$REGISTRY/v2/"
}

push() {
    skopeo copy --insecure-policy --dest-tls-verify=false "$@" "docker-archive:$E2E_DIR/hello.tar" "docker://$REGISTRY/web:1"
}

teardown() {
    [ -z "${REGISTRY_PID:-}" ] || kill "$REGISTRY_PID"
    [ -n "$BATS_TEST_COMPLETED" ] || k describe pods | tail -n 60
    kc delete namespace "$NS" --wait=false >/dev/null 2>&1 || true
}

@test "a pod's image is pulled from a registry" {
    registry
    push --dest-compress-format gzip
    k run web --image=$REGISTRY/web:1 --image-pull-policy=Always
    pod_ready web
    k get events | grep -q 'Successfully pulled image'
}

@test "zstd layers and an OCI manifest" {
    registry
    push --format oci --dest-compress-format zstd
    k run web --image=$REGISTRY/web:1 --image-pull-policy=Always
    pod_ready web
}

@test "a registry that asks for a password" {
    perl -e 'print "sagong:", crypt("secret", q($2y$05$saltsaltsaltsaltsaltse)), "\n"' >"$BATS_TEST_TMPDIR/htpasswd"
    registry "$BATS_TEST_TMPDIR/htpasswd"
    push --dest-creds sagong:secret
    k run web --image=$REGISTRY/web:1 --image-pull-policy=Always
    failing() { value pod/web '{.status.containerStatuses[0].state.waiting.reason}' | grep -q -E '^(ErrImagePull|ImagePullBackOff)$'; }
    eventually 10 failing
    k delete pod web --now
    k create secret docker-registry pull --docker-server=$REGISTRY --docker-username=sagong --docker-password=secret
    k run web --image=$REGISTRY/web:1 --image-pull-policy=Always --overrides='{"spec":{"imagePullSecrets":[{"name":"pull"}]}}'
    pod_ready web
}

@test "an image that is not there" {
    k run web --image=$REGISTRY/none:1
    failing() { value pod/web '{.status.containerStatuses[0].state.waiting.reason}' | grep -q -E '^(ErrImagePull|ImagePullBackOff)$'; }
    eventually 10 failing
    k get events | grep -q 'Failed to pull image'
}

@test "a name that is none" {
    k apply -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"web","image":"Upper:1"}]}}'
    invalid() { [ "$(value pod/web '{.status.containerStatuses[0].state.waiting.reason}')" = InvalidImageName ]; }
    eventually 10 invalid
}

@test "a policy of never pulling" {
    k run web --image=sagong.local/absent:1 --image-pull-policy=Never
    never() { [ "$(value pod/web '{.status.containerStatuses[0].state.waiting.reason}')" = ErrImageNeverPull ]; }
    eventually 10 never
}
