package kindnetd

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const table = "kindnetd_policies"

// cluster holds what decides who may talk to whom.
type cluster struct {
	pods       []pod
	namespaces map[string]labels.Set
	policies   []*networkingv1.NetworkPolicy
}

// pod is one that has an address of its own.
type pod struct {
	namespace, node, ip string
	labels              labels.Set
	ports               []corev1.ContainerPort
}

// ruleset returns the nftables script that enforces all policies for one
// node's pods. Every forwarded packet but replies is judged, so a new policy
// cuts open connections too; what the node itself sends is never forwarded.
func ruleset(c cluster, node string) (string, error) {
	var chains strings.Builder
	jumps := map[string][]string{}
	for _, p := range c.pods {
		if p.node != node {
			continue
		}
		for _, d := range []direction{ingress, egress} {
			allowed, isolated, err := c.allowed(p, d)
			if err != nil {
				return "", err
			}
			if !isolated {
				continue
			}
			name := d.name + "_" + strings.ReplaceAll(p.ip, ".", "_")
			fmt.Fprintf(&chains, "  chain %s {\n", name)
			for _, match := range allowed {
				fmt.Fprintf(&chains, "    %s\n", strings.TrimSpace(match+" return"))
			}
			chains.WriteString("    drop\n  }\n")
			jumps[d.own] = append(jumps[d.own], fmt.Sprintf("%s : jump %s", p.ip, name))
		}
	}
	var verdicts strings.Builder
	for _, side := range []string{"saddr", "daddr"} {
		if found := jumps[side]; found != nil {
			fmt.Fprintf(&verdicts, "    ip %s vmap { %s }\n", side, strings.Join(found, ", "))
		}
	}
	return fmt.Sprintf("table ip %[1]s {}\ndelete table ip %[1]s\ntable ip %[1]s {\n%[2]s"+
		"  chain forward {\n    type filter hook forward priority filter; policy accept;\n"+
		"    ct state related accept\n    ct direction reply accept\n%[3]s  }\n}\n",
		table, chains.String(), verdicts.String()), nil
}

// direction names the sides of a packet as a pod sees it.
type direction struct {
	name, own, other string
	kind             networkingv1.PolicyType
}

var (
	ingress = direction{"ingress", "daddr", "saddr", networkingv1.PolicyTypeIngress}
	egress  = direction{"egress", "saddr", "daddr", networkingv1.PolicyTypeEgress}
)

// allowed returns the matches of what a pod may do, and whether any policy
// isolates it at all.
func (c cluster) allowed(p pod, d direction) (matches []string, isolated bool, err error) {
	for _, policy := range c.policies {
		if policy.Namespace != p.namespace || !slices.Contains(policy.Spec.PolicyTypes, d.kind) {
			continue
		}
		selected, err := matchesLabels(&policy.Spec.PodSelector, p.labels)
		if err != nil {
			return nil, false, err
		}
		if !selected {
			continue
		}
		isolated = true
		for _, rule := range rules(policy, d) {
			found, err := c.matches(policy.Namespace, rule, d, p)
			if err != nil {
				return nil, false, err
			}
			matches = append(matches, found...)
		}
	}
	slices.Sort(matches)
	return slices.Compact(matches), isolated, nil
}

// rule is one entry of a policy, for either direction.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func rules(policy *networkingv1.NetworkPolicy, d direction) (all []rule) {
	if d == ingress {
		for _, r := range policy.Spec.Ingress {
			all = append(all, rule{r.From, r.Ports})
		}
		return all
	}
	for _, r := range policy.Spec.Egress {
		all = append(all, rule{r.To, r.Ports})
	}
	return all
}

func (c cluster) matches(namespace string, r rule, d direction, own pod) ([]string, error) {
	peers, others := []string{}, c.pods
	if len(r.peers) == 0 {
		peers = append(peers, "")
	} else {
		var err error
		if others, err = c.peerPods(namespace, r.peers); err != nil {
			return nil, err
		}
		if len(others) > 0 {
			peers = append(peers, fmt.Sprintf("ip %s { %s }", d.other, addresses(others)))
		}
		for _, peer := range r.peers {
			if peer.IPBlock != nil {
				peers = append(peers, block(d.other, peer.IPBlock))
			}
		}
	}
	if len(r.ports) == 0 {
		return peers, nil
	}
	servers := others
	if d == ingress {
		servers = []pod{own}
	}
	var all []string
	for _, port := range r.ports {
		all = append(all, portMatches(port, d, peers, servers)...)
	}
	return all, nil
}

// peerPods returns the pods that any of the peers selects.
func (c cluster) peerPods(namespace string, peers []networkingv1.NetworkPolicyPeer) ([]pod, error) {
	var found []pod
	for _, p := range c.pods {
		for _, peer := range peers {
			if peer.IPBlock != nil {
				continue
			}
			inside := p.namespace == namespace
			if peer.NamespaceSelector != nil {
				var err error
				inside, err = matchesLabels(peer.NamespaceSelector, c.namespaces[p.namespace])
				if err != nil {
					return nil, err
				}
			}
			selected := true
			if peer.PodSelector != nil {
				var err error
				if selected, err = matchesLabels(peer.PodSelector, p.labels); err != nil {
					return nil, err
				}
			}
			if inside && selected {
				found = append(found, p)
				break
			}
		}
	}
	return found, nil
}

func matchesLabels(selector *metav1.LabelSelector, set labels.Set) (bool, error) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, err
	}
	return parsed.Matches(set), nil
}

// portMatches joins peers with one port; a named port is what each server
// calls by that name.
func portMatches(port networkingv1.NetworkPolicyPort, d direction, peers []string, servers []pod) (all []string) {
	protocol := "tcp"
	if port.Protocol != nil {
		protocol = strings.ToLower(string(*port.Protocol))
	}
	join := func(match string) {
		for _, peer := range peers {
			all = append(all, strings.TrimSpace(peer+" "+match))
		}
	}
	switch {
	case port.Port == nil:
		join("meta l4proto " + protocol)
	case port.Port.StrVal == "":
		last := ""
		if port.EndPort != nil {
			last = fmt.Sprintf("-%d", *port.EndPort)
		}
		join(fmt.Sprintf("%s dport %d%s", protocol, port.Port.IntVal, last))
	default:
		for _, server := range servers {
			for _, declared := range server.ports {
				if declared.Name != port.Port.StrVal {
					continue
				}
				match := fmt.Sprintf("%s dport %d", protocol, declared.ContainerPort)
				if d == ingress {
					join(match)
				} else {
					all = append(all, fmt.Sprintf("ip daddr %s %s", server.ip, match))
				}
			}
		}
	}
	return all
}

func addresses(pods []pod) string {
	ips := make([]string, 0, len(pods))
	for _, p := range pods {
		ips = append(ips, p.ip)
	}
	slices.Sort(ips)
	return strings.Join(slices.Compact(ips), ", ")
}

func block(side string, b *networkingv1.IPBlock) string {
	match := fmt.Sprintf("ip %s %s", side, b.CIDR)
	if len(b.Except) > 0 {
		match += fmt.Sprintf(" ip %s != { %s }", side, strings.Join(b.Except, ", "))
	}
	return match
}
