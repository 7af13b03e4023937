package kindnetd

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// cafe: two pods of the cafe on our node, one elsewhere, one in another namespace.
func cafe(policies ...string) cluster {
	c := cluster{
		namespaces: map[string]labels.Set{"cafe": {"team": "cafe"}, "ops": {"team": "ops"}},
		pods: []pod{
			{namespace: "cafe", node: "here", ip: "10.0.0.1", labels: labels.Set{"app": "order"},
				ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}},
			{namespace: "cafe", node: "here", ip: "10.0.0.2", labels: labels.Set{"app": "menu"},
				ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9000}}},
			{namespace: "cafe", node: "there", ip: "10.0.1.3", labels: labels.Set{"app": "till"}},
			{namespace: "ops", node: "there", ip: "10.0.1.4", labels: labels.Set{"app": "probe"}},
		},
	}
	for _, text := range policies {
		policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "cafe"}}
		if err := yaml.UnmarshalStrict([]byte(text), &policy.Spec); err != nil {
			panic(err)
		}
		c.policies = append(c.policies, policy)
	}
	return c
}

func TestRuleset(t *testing.T) {
	for name, test := range map[string]struct {
		policies []string
		contains []string
		lacks    []string
	}{
		"no policy: nothing is judged": {
			contains: []string{"policy accept;\n    ct state related accept\n    ct direction reply accept\n  }"},
			lacks:    []string{"vmap", "drop"},
		},
		"deny all: both directions of each pod of the node, and no other": {
			policies: []string{`{podSelector: {}, policyTypes: [Ingress, Egress]}`},
			contains: []string{
				"chain ingress_10_0_0_1 {\n    drop\n  }", "chain egress_10_0_0_2 {\n    drop\n  }",
				"ip daddr vmap { 10.0.0.1 : jump ingress_10_0_0_1, 10.0.0.2 : jump ingress_10_0_0_2 }",
			},
			lacks: []string{"10_0_1_3", "10_0_1_4"},
		},
		"a policy of one direction leaves the other open": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Ingress]}`},
			contains: []string{"chain ingress_10_0_0_2 {"},
			lacks:    []string{"egress_10", "ingress_10_0_0_1"},
		},
		"a pod selector means pods of the policy's namespace": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Ingress],
				ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]}`},
			contains: []string{"ip saddr { 10.0.0.1, 10.0.0.2, 10.0.1.3 } tcp dport 8080 return"},
		},
		"both selectors of one peer must match": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Ingress],
				ingress: [{from: [{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: probe}}}]}]}`},
			contains: []string{"    ip saddr { 10.0.1.4 } return\n    drop"},
		},
		"a selector that finds nobody allows nobody": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Ingress],
				ingress: [{from: [{podSelector: {matchLabels: {app: ghost}}}]}]}`},
			contains: []string{"chain ingress_10_0_0_2 {\n    drop\n  }"},
		},
		"an empty rule allows all": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Egress], egress: [{}]}`},
			contains: []string{"chain egress_10_0_0_2 {\n    return\n    drop\n  }"},
		},
		"a port alone allows it with everybody": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Egress],
				egress: [{ports: [{port: 53, protocol: UDP}, {port: 7000, endPort: 7010}, {protocol: TCP}]}]}`},
			contains: []string{"    udp dport 53 return", "    tcp dport 7000-7010 return", "    meta l4proto tcp return"},
		},
		"a block with exceptions": {
			policies: []string{`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Egress],
				egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12]}}]}]}`},
			contains: []string{"ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8, 172.16.0.0/12 } return"},
		},
		"a named port is the server's own": {
			policies: []string{
				`{podSelector: {matchLabels: {app: menu}}, policyTypes: [Ingress], ingress: [{ports: [{port: http}]}]}`,
				`{podSelector: {matchLabels: {app: order}}, policyTypes: [Egress],
				egress: [{to: [{podSelector: {}}], ports: [{port: http}]}]}`,
			},
			contains: []string{
				"chain ingress_10_0_0_2 {\n    tcp dport 9000 return",
				"    ip daddr 10.0.0.1 tcp dport 8080 return\n    ip daddr 10.0.0.2 tcp dport 9000 return",
			},
		},
		"policies add up, and a label that must be missing takes a pod out of one": {
			policies: []string{
				`{podSelector: {}, policyTypes: [Ingress]}`,
				`{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [menu]}]}, policyTypes: [Ingress], ingress: [{}]}`,
			},
			contains: []string{"chain ingress_10_0_0_1 {\n    return\n", "chain ingress_10_0_0_2 {\n    drop\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			script, err := ruleset(cafe(test.policies...), "here")
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range test.contains {
				if !strings.Contains(script, part) {
					t.Errorf("%q is missing in\n%s", part, script)
				}
			}
			for _, part := range test.lacks {
				if strings.Contains(script, part) {
					t.Errorf("%q should not be in\n%s", part, script)
				}
			}
			checkSyntax(t, script)
		})
	}
}

func TestRulesetLeavesOtherNamespacesAlone(t *testing.T) {
	script, err := ruleset(cafe(`{podSelector: {}, policyTypes: [Ingress]}`), "there")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(script, "ingress_10_0_1_3") || strings.Contains(script, "ingress_10_0_1_4") {
		t.Errorf("only the cafe's pod is isolated:\n%s", script)
	}
}

func TestRulesetRefusesAnImpossibleSelector(t *testing.T) {
	c := cafe(`{podSelector: {matchExpressions: [{key: app, operator: Near}]}, policyTypes: [Ingress]}`)
	if _, err := ruleset(c, "here"); err == nil {
		t.Error("an unknown operator must not open the gate")
	}
}

// checkSyntax asks nft itself, where it is installed and allowed.
func checkSyntax(t *testing.T, script string) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
		return
	}
	nft := exec.Command("nft", "--check", "-f", "-")
	nft.Stdin = strings.NewReader(script)
	if out, err := nft.CombinedOutput(); err != nil {
		t.Errorf("nft: %v: %s\n%s", err, out, script)
	}
}
