package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

func (s *server) ReadDataSource(
	_ context.Context, q *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	state, err := s.read(q.TypeName, s.known.data.get(q.TypeName), q.Config)
	if err != nil {
		problem := failure("%s: %s", q.TypeName, err)
		return &tfprotov6.ReadDataSourceResponse{Diagnostics: problem}, nil
	}
	return &tfprotov6.ReadDataSourceResponse{State: state}, nil
}

func (s *server) ValidateEphemeralResourceConfig(
	_ context.Context, q *tfprotov6.ValidateEphemeralResourceConfigRequest,
) (*tfprotov6.ValidateEphemeralResourceConfigResponse, error) {
	problems := givenButReadOnly(s.known.ephemeral.get(q.TypeName), q.Config)
	return &tfprotov6.ValidateEphemeralResourceConfigResponse{Diagnostics: problems}, nil
}

func (s *server) OpenEphemeralResource(
	_ context.Context, q *tfprotov6.OpenEphemeralResourceRequest,
) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	result, err := s.read(q.TypeName, s.known.ephemeral.get(q.TypeName), q.Config)
	if err != nil {
		problem := failure("%s: %s", q.TypeName, err)
		return &tfprotov6.OpenEphemeralResourceResponse{Diagnostics: problem}, nil
	}
	return &tfprotov6.OpenEphemeralResourceResponse{Result: result}, nil
}

func (s *server) RenewEphemeralResource(
	context.Context, *tfprotov6.RenewEphemeralResourceRequest,
) (*tfprotov6.RenewEphemeralResourceResponse, error) {
	return &tfprotov6.RenewEphemeralResourceResponse{}, nil
}

func (s *server) CloseEphemeralResource(
	context.Context, *tfprotov6.CloseEphemeralResourceRequest,
) (*tfprotov6.CloseEphemeralResourceResponse, error) {
	return &tfprotov6.CloseEphemeralResourceResponse{}, nil
}

// read answers a question with made-up values: the same question gets the same answer.
func (s *server) read(
	kind string, b *block, config *tfprotov6.DynamicValue,
) (*tfprotov6.DynamicValue, error) {
	asked, err := decode(config, b.kind())
	if err != nil {
		return nil, err
	}
	answer, err := s.completed(kind, true, b, b.changed(asked, nil, openWhereComputed))
	if err != nil {
		return nil, err
	}
	return encode(answer, b.kind())
}
