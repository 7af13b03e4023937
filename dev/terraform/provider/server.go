package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// server answers Terraform for one provider.
type server struct {
	name    string
	known   *catalogue
	region  string
	account string
	// default_tags of the provider's configuration; open while one is not known yet.
	defaultTags map[string]string
	tagsOpen    bool
}

var _ tfprotov6.ProviderServer = (*server)(nil)

func newServer(name string, known *catalogue) *server {
	return &server{name: name, known: known, region: "us-east-1", account: "123456789012"}
}

func (s *server) isAWS() bool { return s.name == "aws" }

func failure(format string, values ...any) []*tfprotov6.Diagnostic {
	return []*tfprotov6.Diagnostic{{
		Severity: tfprotov6.DiagnosticSeverityError, Summary: fmt.Sprintf(format, values...),
	}}
}

// The schema is asked for once a process, not once a start of the provider.
func abilities() *tfprotov6.ServerCapabilities {
	return &tfprotov6.ServerCapabilities{GetProviderSchemaOptional: true}
}

func (s *server) GetMetadata(
	context.Context, *tfprotov6.GetMetadataRequest,
) (*tfprotov6.GetMetadataResponse, error) {
	r := &tfprotov6.GetMetadataResponse{ServerCapabilities: abilities()}
	for _, name := range s.known.resources.names() {
		r.Resources = append(r.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for _, name := range s.known.data.names() {
		r.DataSources = append(r.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	for _, name := range s.known.ephemeral.names() {
		r.EphemeralResources = append(
			r.EphemeralResources, tfprotov6.EphemeralResourceMetadata{TypeName: name})
	}
	for name := range s.functions() {
		r.Functions = append(r.Functions, tfprotov6.FunctionMetadata{Name: name})
	}
	return r, nil
}

func (s *server) GetProviderSchema(
	context.Context, *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	r := &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities:       abilities(),
		Provider:                 schemaOf(s.known.provider),
		ResourceSchemas:          schemasOf(s.known.resources),
		DataSourceSchemas:        schemasOf(s.known.data),
		EphemeralResourceSchemas: schemasOf(s.known.ephemeral),
		Functions:                s.functions(),
	}
	if s.isAWS() { // the registry's modules set it
		r.ProviderMeta = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{
			Attributes: []*tfprotov6.SchemaAttribute{{
				Name: "user_agent", Type: tftypes.List{ElementType: tftypes.String}, Optional: true,
			}},
		}}
	}
	return r, nil
}

func (s *server) GetResourceIdentitySchemas(
	context.Context, *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) ValidateProviderConfig(
	_ context.Context, q *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: q.Config}, nil
}

func (s *server) ConfigureProvider(
	_ context.Context, q *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	given, err := decode(q.Config, s.known.provider.kind())
	if err != nil {
		problem := failure("provider configuration: %s", err)
		return &tfprotov6.ConfigureProviderResponse{Diagnostics: problem}, nil
	}
	if s.isAWS() && !given.IsNull() {
		s.region = first(text(given, "region"), s.region)
		s.takeDefaultTags(given.GetAttr("default_tags"))
	}
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (s *server) takeDefaultTags(blocks cty.Value) {
	s.defaultTags, s.tagsOpen = map[string]string{}, false
	if !settled(blocks) {
		return
	}
	for _, given := range blocks.AsValueSlice() {
		tags := given.GetAttr("tags")
		switch {
		case !tags.IsWhollyKnown():
			s.tagsOpen = true
		case !tags.IsNull():
			for key, tag := range tags.AsValueMap() {
				if !tag.IsNull() {
					s.defaultTags[key] = tag.AsString()
				}
			}
		}
	}
}

func (s *server) StopProvider(
	context.Context, *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *server) ValidateResourceConfig(
	_ context.Context, q *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	problems := givenButReadOnly(s.known.resources.get(q.TypeName), q.Config)
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: problems}, nil
}

func (s *server) ValidateDataResourceConfig(
	_ context.Context, q *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	problems := givenButReadOnly(s.known.data.get(q.TypeName), q.Config)
	return &tfprotov6.ValidateDataResourceConfigResponse{Diagnostics: problems}, nil
}

// givenButReadOnly finds values for what only the provider sets: Terraform leaves that to providers.
func givenButReadOnly(b *block, config *tfprotov6.DynamicValue) []*tfprotov6.Diagnostic {
	given, err := decode(config, b.kind())
	if err != nil {
		return failure("configuration: %s", err)
	}
	var problems []*tfprotov6.Diagnostic
	b.changed(given, nil, func(path []string, a *attribute, v cty.Value) cty.Value {
		if a.readOnly() && !v.IsNull() {
			problems = append(problems, &tfprotov6.Diagnostic{
				Severity: tfprotov6.DiagnosticSeverityError,
				Summary:  "Value for unconfigurable attribute",
				Detail: fmt.Sprintf("%q is decided by applying this configuration.",
					strings.Join(path, ".")),
			})
		}
		return v
	})
	return problems
}

func (s *server) UpgradeResourceState(
	_ context.Context, q *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := s.known.resources.get(q.TypeName).kind()
	state, err := ctyjson.Unmarshal(q.RawState.JSON, kind)
	if err != nil {
		problem := failure("state of %s: %s", q.TypeName, err)
		return &tfprotov6.UpgradeResourceStateResponse{Diagnostics: problem}, nil
	}
	raw, err := encode(state, kind)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: raw}, nil
}

func (s *server) ReadResource(
	_ context.Context, q *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: q.CurrentState, Private: q.Private}, nil
}
