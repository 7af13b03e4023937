// Package newpod is what the CNI plugin tells kindnetd about a pod that is
// about to start: the API learns its address only later.
package newpod

// Socket is kindnetd's, on the node and in its pod alike: kind's manifest
// mounts this folder.
const Socket = "/var/run/nri/kindnetd.sock"

// Pod names one pod and the address it was given.
type Pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	IP        string `json:"ip"`
}
