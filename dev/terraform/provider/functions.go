package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
)

var arnParts = []string{"partition", "service", "region", "account_id", "resource"}

// functions are those of hashicorp/aws.
func (s *server) functions() map[string]*tfprotov6.Function {
	if !s.isAWS() {
		return map[string]*tfprotov6.Function{}
	}
	parameters := func(names ...string) []*tfprotov6.FunctionParameter {
		var all []*tfprotov6.FunctionParameter
		for _, name := range names {
			all = append(all, &tfprotov6.FunctionParameter{Name: name, Type: tftypes.String})
		}
		return all
	}
	parts := map[string]tftypes.Type{}
	for _, part := range arnParts {
		parts[part] = tftypes.String
	}
	text := &tfprotov6.FunctionReturn{Type: tftypes.String}
	object := &tfprotov6.FunctionReturn{Type: tftypes.Object{AttributeTypes: parts}}
	return map[string]*tfprotov6.Function{
		"arn_build":          {Parameters: parameters(arnParts...), Return: text},
		"arn_parse":          {Parameters: parameters("arn"), Return: object},
		"trim_iam_role_path": {Parameters: parameters("arn"), Return: text},
	}
}

func (s *server) GetFunctions(
	context.Context, *tfprotov6.GetFunctionsRequest,
) (*tfprotov6.GetFunctionsResponse, error) {
	return &tfprotov6.GetFunctionsResponse{Functions: s.functions()}, nil
}

func (s *server) CallFunction(
	_ context.Context, q *tfprotov6.CallFunctionRequest,
) (*tfprotov6.CallFunctionResponse, error) {
	var arguments []string
	for _, raw := range q.Arguments {
		argument, err := decode(raw, cty.String)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument.AsString())
	}
	result, err := call(q.Name, arguments)
	if err != nil {
		problem := &tfprotov6.FunctionError{Text: err.Error()}
		return &tfprotov6.CallFunctionResponse{Error: problem}, nil
	}
	raw, err := encode(result, result.Type())
	if err != nil {
		return nil, err
	}
	return &tfprotov6.CallFunctionResponse{Result: raw}, nil
}

func call(name string, arguments []string) (cty.Value, error) {
	if name == "arn_build" {
		return cty.StringVal("arn:" + strings.Join(arguments, ":")), nil
	}
	fields := strings.SplitN(arguments[0], ":", 6)
	if len(fields) != 6 || fields[0] != "arn" {
		return cty.NilVal, errors.New("arn: invalid prefix or not enough sections")
	}
	switch name {
	case "arn_parse":
		parsed := map[string]cty.Value{}
		for i, part := range arnParts {
			parsed[part] = cty.StringVal(fields[i+1])
		}
		return cty.ObjectVal(parsed), nil
	case "trim_iam_role_path":
		path := strings.Split(fields[5], "/")
		if fields[2] != "iam" || path[0] != "role" {
			return cty.NilVal, errors.New("the arn is not that of an IAM role")
		}
		fields[5] = "role/" + path[len(path)-1]
		return cty.StringVal(strings.Join(fields, ":")), nil
	}
	return cty.NilVal, fmt.Errorf("no such function: %s", name)
}
