// Command cni-policy is the last CNI plugin of a pod: it returns when kindnetd
// has put the pod's NetworkPolicies in force, so that no pod ever starts
// without them.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"cloudcafe.dev/kube/internal/newpod"
)

const timeout = 10 * time.Second

type request struct {
	Version  string          `json:"cniVersion"`
	Previous json.RawMessage `json:"prevResult"`
}

func main() {
	if err := run(os.Getenv("CNI_COMMAND"), os.Stdin, os.Stdout); err != nil {
		json.NewEncoder(os.Stdout).Encode(map[string]any{
			"cniVersion": "0.3.1", "code": 11, "msg": err.Error(), // 11: try again later
		})
		os.Exit(1)
	}
}

func run(command string, in io.Reader, out io.Writer) error {
	if command == "VERSION" {
		_, err := io.WriteString(out, `{"cniVersion":"0.3.1","supportedVersions":["0.3.1"]}`)
		return err
	}
	if command != "ADD" {
		return nil
	}
	var r request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	pod, err := describe(os.Getenv("CNI_ARGS"), r.Previous)
	if err != nil {
		return err
	}
	if err := announce(pod); err != nil {
		return fmt.Errorf("NetworkPolicies of %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	_, err = out.Write(r.Previous)
	return err
}

func describe(arguments string, previous json.RawMessage) (newpod.Pod, error) {
	given := map[string]string{}
	for _, pair := range strings.Split(arguments, ";") {
		key, value, _ := strings.Cut(pair, "=")
		given[key] = value
	}
	var result struct {
		IPs []struct {
			Address string `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal(previous, &result); err != nil || len(result.IPs) == 0 {
		return newpod.Pod{}, fmt.Errorf("no address in the result of the plugin before: %s", previous)
	}
	ip, _, _ := strings.Cut(result.IPs[0].Address, "/")
	return newpod.Pod{
		Namespace: given["K8S_POD_NAMESPACE"], Name: given["K8S_POD_NAME"],
		UID: given["K8S_POD_UID"], IP: ip,
	}, nil
}

func announce(pod newpod.Pod) error {
	body, err := json.Marshal(pod)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	client := http.Client{Timeout: timeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", newpod.Socket)
		},
	}}
	response, err := client.Post("http://kindnetd/", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		said, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s: %s", response.Status, said)
	}
	return nil
}
