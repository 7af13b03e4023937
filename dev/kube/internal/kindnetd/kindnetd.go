// Package kindnetd is what a kind node needs from its network plugin: pod
// addresses, routes to the other nodes, masquerading, and NetworkPolicies. It
// runs from kind's own default-cni manifest and reads the same variables.
package kindnetd

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	resync = 5 * time.Minute
	retry  = 2 * time.Second
)

// Run never returns without an error.
func Run(ctx context.Context) error {
	hostIP, podSubnet := os.Getenv("HOST_IP"), os.Getenv("POD_SUBNET")
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// kind names the API server's own address: kube-proxy may not be there yet
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, resync)
	nodes := factory.Core().V1().Nodes()
	changedNodes := newSignal()
	if _, err := nodes.Informer().AddEventHandler(changedNodes.handler()); err != nil {
		return err
	}
	node, err := os.Hostname() // the node's own: the pod is in its network
	if err != nil {
		return err
	}
	policies, err := newEnforcer(factory, node)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	log.Printf("host %s, pod subnet %s", hostIP, podSubnet)
	go policies.run(ctx)
	return changedNodes.loop(ctx, "network of the node", func() error {
		all, err := nodes.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		return syncNode(hostIP, podSubnet, all)
	})
}

// signal wakes one loop: many changes in a row are one call.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

func (s signal) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { s.raise() },
		UpdateFunc: func(any, any) { s.raise() },
		DeleteFunc: func(any) { s.raise() },
	}
}

// loop calls sync after each change, and again after a failure.
func (s signal) loop(ctx context.Context, what string, sync func() error) error {
	s.raise()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-s:
		}
		if err := sync(); err != nil {
			log.Printf("%s: %v (again in %s)", what, err, retry)
			time.AfterFunc(retry, s.raise)
		}
	}
}
