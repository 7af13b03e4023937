package kindnetd

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
)

const (
	routeProtocol = 98 // marks the routes this program owns
	conflistPath  = "/etc/cni/net.d/10-kindnet.conflist"
	conflist      = `{
  "cniVersion": "0.3.1",
  "name": "kindnet",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "mtu": 1500,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": %q}]]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}},
    {"type": "cni-policy"}
  ]
}
`
)

// syncNode gives this node's pods their addresses and their way to all others.
func syncNode(hostIP, podSubnet string, nodes []*corev1.Node) error {
	gateways := map[string]string{} // pod range -> node
	own := ""
	for _, node := range nodes {
		switch ip := internalIP(node); {
		case ip == "" || node.Spec.PodCIDR == "":
		case ip == hostIP:
			own = node.Spec.PodCIDR
		default:
			gateways[node.Spec.PodCIDR] = ip
		}
	}
	if own != "" {
		if err := writeConflist(own); err != nil {
			return err
		}
	}
	if err := syncRoutes(gateways); err != nil {
		return err
	}
	return masquerade(podSubnet)
}

func internalIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP && strings.Contains(address.Address, ".") {
			return address.Address
		}
	}
	return ""
}

// writeConflist makes the kubelet report the node ready.
func writeConflist(podRange string) error {
	text := fmt.Sprintf(conflist, podRange)
	if old, err := os.ReadFile(conflistPath); err == nil && string(old) == text {
		return nil
	}
	draft := filepath.Join(filepath.Dir(conflistPath), ".10-kindnet.draft")
	if err := os.WriteFile(draft, []byte(text), 0o644); err != nil {
		return err
	}
	log.Printf("pods of this node get addresses from %s", podRange)
	return os.Rename(draft, conflistPath)
}

func syncRoutes(wanted map[string]string) error {
	have, err := netlink.RouteListFiltered(netlink.FAMILY_V4,
		&netlink.Route{Protocol: routeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	present := map[string]bool{}
	for i, route := range have {
		if route.Dst == nil {
			continue
		}
		if wanted[route.Dst.String()] == route.Gw.String() {
			present[route.Dst.String()] = true
		} else if err := netlink.RouteDel(&have[i]); err != nil {
			return fmt.Errorf("delete route to %s: %w", route.Dst, err)
		}
	}
	for podRange, node := range wanted {
		if present[podRange] {
			continue
		}
		_, target, err := net.ParseCIDR(podRange)
		if err != nil {
			return err
		}
		log.Printf("route %s via %s", podRange, node)
		route := netlink.Route{Dst: target, Gw: net.ParseIP(node), Protocol: routeProtocol}
		if err := netlink.RouteReplace(&route); err != nil {
			return fmt.Errorf("route %s via %s: %w", podRange, node, err)
		}
	}
	return nil
}

// masquerade hides pods behind the node, but only outside the pod subnet: with
// br_netfilter the host sees traffic between nodes too.
func masquerade(podSubnet string) error {
	rule := []string{"POSTROUTING", "-s", podSubnet, "!", "-d", podSubnet,
		"-m", "addrtype", "!", "--dst-type", "LOCAL",
		"-m", "comment", "--comment", "kindnetd: leave the pod subnet", "-j", "MASQUERADE"}
	if iptables(append([]string{"-C"}, rule...)) == nil {
		return nil
	}
	return iptables(append([]string{"-A"}, rule...))
}

func iptables(arguments []string) error {
	all := append([]string{"-w", "-t", "nat"}, arguments...)
	if out, err := exec.Command("iptables", all...).CombinedOutput(); err != nil {
		return fmt.Errorf("iptables %v: %w: %s", all, err, out)
	}
	return nil
}
