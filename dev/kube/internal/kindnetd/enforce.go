package kindnetd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"cloudcafe.dev/kube/internal/newpod"
)

// enforcer keeps one node's nftables in step with the policies.
type enforcer struct {
	node       string
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	changed    signal

	lock     sync.Mutex
	starting map[types.UID]string // addresses that the API does not know yet
	applied  string
}

func newEnforcer(factory informers.SharedInformerFactory, node string) (*enforcer, error) {
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	policies := factory.Networking().V1().NetworkPolicies()
	e := &enforcer{
		node:       node,
		pods:       pods.Lister(),
		namespaces: namespaces.Lister(),
		policies:   policies.Lister(),
		changed:    newSignal(),
		starting:   map[types.UID]string{},
	}
	for _, informer := range []cache.SharedIndexInformer{
		pods.Informer(), namespaces.Informer(), policies.Informer(),
	} {
		if _, err := informer.AddEventHandler(e.changed.handler()); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *enforcer) run(ctx context.Context) {
	go func() {
		// a node whose pods could start without policies must not go on
		log.Fatal(e.serveNewPods())
	}()
	log.Print(e.changed.loop(ctx, "network policies", e.sync))
}

// sync writes the table anew if what it should say has changed.
func (e *enforcer) sync() error {
	e.lock.Lock()
	defer e.lock.Unlock()
	now, err := e.observe()
	if err != nil {
		return err
	}
	script, err := ruleset(now, e.node)
	if err != nil || script == e.applied {
		return err
	}
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(script)
	if out, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	e.applied = script
	return nil
}

func (e *enforcer) observe() (cluster, error) {
	now := cluster{namespaces: map[string]labels.Set{}}
	namespaces, err := e.namespaces.List(labels.Everything())
	if err != nil {
		return now, err
	}
	for _, namespace := range namespaces {
		now.namespaces[namespace.Name] = namespace.Labels
	}
	if now.policies, err = e.policies.List(labels.Everything()); err != nil {
		return now, err
	}
	all, err := e.pods.List(labels.Everything())
	if err != nil {
		return now, err
	}
	waiting := map[types.UID]string{}
	for _, p := range all {
		ip := p.Status.PodIP
		if known, ok := e.starting[p.UID]; ok && known != ip {
			waiting[p.UID], ip = known, known
		}
		if seen, ok := addressed(p, ip); ok {
			now.pods = append(now.pods, seen)
		}
	}
	e.starting = waiting
	return now, nil
}

func addressed(p *corev1.Pod, ip string) (pod, bool) {
	ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	if ip == "" || p.Spec.HostNetwork || ended {
		return pod{}, false
	}
	found := pod{namespace: p.Namespace, node: p.Spec.NodeName, ip: ip, labels: p.Labels}
	for _, container := range p.Spec.Containers {
		found.ports = append(found.ports, container.Ports...)
	}
	return found, true
}

// serveNewPods answers the CNI plugin when a new pod's policies are in force.
func (e *enforcer) serveNewPods() error {
	if err := os.Remove(newpod.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", newpod.Socket)
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p newpod.Pod
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := e.admit(r.Context(), p); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
}

// admit waits until the pod itself is known here, too, and applies its policies.
func (e *enforcer) admit(ctx context.Context, p newpod.Pod) error {
	for {
		found, err := e.pods.Pods(p.Namespace).Get(p.Name)
		if err == nil && string(found.UID) == p.UID {
			e.lock.Lock()
			e.starting[found.UID] = p.IP
			e.lock.Unlock()
			return e.sync()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("pod %s/%s (%s) is not known: %w", p.Namespace, p.Name, p.UID, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
