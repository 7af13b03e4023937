# Runs in the node's tree (chroot) as root: what kind's base Dockerfile does, and what a machine
# with control groups version 1 and without CAP_SYS_RESOURCE needs.
ln -sf /usr/lib/systemd/systemd /sbin/init

cat >/etc/kubernetes/kubelet.conf.d/10-cgroup-v1.conf <<'DROPIN'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
DROPIN
sed -i 's|^KUBELET_EXTRA_ARGS=.*|& --config-dir=/etc/kubernetes/kubelet.conf.d|' /etc/default/kubelet
sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml

rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
  /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/sockets.target.wants/*udev* \
  /lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/basic.target.wants/* \
  /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
echo ReadKMsg=no >>/etc/systemd/journald.conf
systemctl -q enable kubelet containerd undo-mount-hacks
systemctl -q mask systemd-binfmt
ctr oci spec |
  jq '.hooks.createContainer = [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    >/etc/containerd/cri-base.json
test -s /etc/containerd/cri-base.json
rm -f /usr/bin/containerd-shim /usr/bin/containerd-shim-runc-v1 /usr/bin/containerd-stress
