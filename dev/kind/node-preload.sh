# Runs in the node's tree (chroot) as root: puts /images.tar into containerd's store. The
# arguments are the names that must be there in the end.
containerd >/run/containerd.log 2>&1 &
daemon=$!
for _ in $(seq 100); do
  ctr version >/dev/null 2>&1 && break
  sleep 0.1
done
ctr -n k8s.io images import --no-unpack --all-platforms /images.tar >/run/import.log 2>&1 ||
  { cat /run/import.log /run/containerd.log >&2; exit 1; }
ctr -n k8s.io images list -q >/run/images.txt
kill $daemon
wait $daemon || true
rm /images.tar
for name in "$@"; do
  grep -qxF "$name" /run/images.txt || { echo "not preloaded: $name" >&2; exit 1; }
done
