package main

import (
	"encoding/json"
	"strings"
	"testing"

	"cloudcafe.dev/kube/internal/newpod"
)

const (
	arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=cafe;K8S_POD_NAME=order-1;K8S_POD_UID=u-1;K8S_POD_INFRA_CONTAINER_ID=c"
	result    = `{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.211.1.7/24"}]}`
)

func TestDescribe(t *testing.T) {
	got, err := describe(arguments, json.RawMessage(result))
	want := newpod.Pod{Namespace: "cafe", Name: "order-1", UID: "u-1", IP: "10.211.1.7"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestAPodWithoutAnAddressIsRefused(t *testing.T) {
	if _, err := describe(arguments, json.RawMessage(`{"ips":[]}`)); err == nil {
		t.Error("policies of an unknown address cannot be in force")
	}
}

func TestAPodDoesNotStartWhereNobodyEnforcesItsPolicies(t *testing.T) {
	t.Setenv("CNI_ARGS", arguments)
	var out strings.Builder
	in := strings.NewReader(`{"cniVersion":"0.3.1","prevResult":` + result + `}`)
	if err := run("ADD", in, &out); err == nil || out.Len() > 0 {
		t.Errorf("got %v and %q; want an error and no result", err, out.String())
	}
}

func TestRemovingAPodNeedsNobody(t *testing.T) {
	var out strings.Builder
	if err := run("DEL", strings.NewReader(""), &out); err != nil {
		t.Error(err)
	}
}
