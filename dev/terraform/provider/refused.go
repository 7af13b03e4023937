package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// What the protocol knows and the stand-in cannot do.

func (s *server) UpgradeResourceIdentity(
	context.Context, *tfprotov6.UpgradeResourceIdentityRequest,
) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	problem := failure("the stand-in knows no identities")
	return &tfprotov6.UpgradeResourceIdentityResponse{Diagnostics: problem}, nil
}

func (s *server) ImportResourceState(
	_ context.Context, q *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	problem := failure("the stand-in cannot import %s %q", q.TypeName, q.ID)
	return &tfprotov6.ImportResourceStateResponse{Diagnostics: problem}, nil
}

func (s *server) MoveResourceState(
	_ context.Context, q *tfprotov6.MoveResourceStateRequest,
) (*tfprotov6.MoveResourceStateResponse, error) {
	problem := failure("the stand-in cannot move state to %s", q.TargetTypeName)
	return &tfprotov6.MoveResourceStateResponse{Diagnostics: problem}, nil
}

func (s *server) GenerateResourceConfig(
	context.Context, *tfprotov6.GenerateResourceConfigRequest,
) (*tfprotov6.GenerateResourceConfigResponse, error) {
	problem := failure("the stand-in writes no configuration")
	return &tfprotov6.GenerateResourceConfigResponse{Diagnostics: problem}, nil
}
