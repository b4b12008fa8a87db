#!/bin/bash
# How many small GETs a second the HTTP floor answers over TLS and HTTP/2, beside nghttpd, which serves a file of that
# size and is the ceiling. Both in turn, three times, so that a busy machine is unfair to both; the best of each counts.
#   tests/bench/http.sh [BUILD]        prints JSON
set -euo pipefail
build=${1:-build} requests=${REQUESTS:-400000}
dir=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$dir"' EXIT
server=

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
  -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
head -c 1024 /dev/zero >"$dir/file"

# rate URL: requests a second, whole
rate() {
  h2load -c 4 -m 16 -t 1 -n "$requests" "$1" | sed -n 's/^finished in .*, \([0-9]*\)[0-9.]* req\/s.*/\1/p'
}

ours=0 nghttpd=0
for _ in 1 2 3; do
  "$build/tests/bench/bench-http" "$dir/cert" "$dir/key" 2 >"$dir/url" &
  server=$!
  until [ -s "$dir/url" ]; do sleep 0.05; done
  r=$(rate "$(cat "$dir/url")")
  ours=$((r > ours ? r : ours))
  kill $server; wait $server || true; : >"$dir/url"

  nghttpd -n 2 -a 127.0.0.1 -d "$dir" 7443 "$dir/key" "$dir/cert" >/dev/null 2>&1 &
  server=$!
  sleep 0.3
  r=$(rate https://127.0.0.1:7443/file)
  nghttpd=$((r > nghttpd ? r : nghttpd))
  kill $server; wait $server 2>/dev/null || true
done
printf '{"http_gets_per_s": %d, "nghttpd_gets_per_s": %d}\n' $ours $nghttpd
