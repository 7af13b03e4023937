// provider: a stand-in for hashicorp/aws, archive and random that knows the real
// providers' schemas, talks to nothing and creates nothing.
// The name it is called by, terraform-provider-NAME[_vVERSION], selects which it plays.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "terraform-provider-")
	name, _, _ = strings.Cut(name, "_v")
	known, err := loadCatalogue(name)
	if err != nil {
		return fmt.Errorf("no schema of a provider %q: %w", name, err)
	}
	known.restrict(strings.Fields(os.Getenv("CLOUDCAFE_TERRAFORM_NAMES")))
	s := newServer(name, known)
	s.region = first(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), s.region)
	return tf6server.Serve("registry.terraform.io/hashicorp/"+name,
		func() tfprotov6.ProviderServer { return s }, tf6server.WithoutLogStderrOverride())
}
