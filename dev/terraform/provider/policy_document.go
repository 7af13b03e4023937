package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

const currentPolicy = "2012-10-17"

// policy is what aws_iam_policy_document renders, in the real data source's order of fields.
type policy struct {
	Version    string      `json:",omitempty"`
	ID         string      `json:"Id,omitempty"`
	Statements []statement `json:"Statement,omitempty"`
}

type statement struct {
	Sid           string `json:",omitempty"`
	Effect        string `json:",omitempty"`
	Actions       any    `json:"Action,omitempty"`
	NotActions    any    `json:"NotAction,omitempty"`
	Resources     any    `json:"Resource,omitempty"`
	NotResources  any    `json:"NotResource,omitempty"`
	Principals    any    `json:"Principal,omitempty"`
	NotPrincipals any    `json:"NotPrincipal,omitempty"`
	Conditions    any    `json:"Condition,omitempty"`
}

func policyDocument(given cty.Value) (*policy, error) {
	whole := &policy{}
	if err := whole.takeAll(given, "source_policy_documents"); err != nil {
		return nil, err
	}
	own, err := ownPolicy(given)
	if err != nil {
		return nil, err
	}
	whole.take(own)
	return whole, whole.takeAll(given, "override_policy_documents")
}

// ownPolicy renders the statement blocks.
func ownPolicy(given cty.Value) (*policy, error) {
	own := &policy{Version: first(text(given, "version"), currentPolicy), ID: text(given, "policy_id")}
	sids := map[string]bool{}
	for _, block := range given.GetAttr("statement").AsValueSlice() {
		made, err := ownStatement(block, own.Version)
		if err != nil {
			return nil, err
		}
		if made.Sid != "" && sids[made.Sid] {
			return nil, fmt.Errorf("duplicate Sid (%s)", made.Sid)
		}
		sids[made.Sid] = true
		own.Statements = append(own.Statements, made)
	}
	return own, nil
}

func ownStatement(block cty.Value, version string) (statement, error) {
	// &{aws:username} is written so because ${…} is Terraform's own
	plain := func(items []string) []string {
		for i := range items {
			if version == currentPolicy {
				items[i] = strings.ReplaceAll(items[i], "&{", "${")
			}
		}
		return items
	}
	named := func(name string) any { return oneOrMany(sorted(plain(texts(block.GetAttr(name))))) }
	made := statement{
		Sid: text(block, "sid"), Effect: first(text(block, "effect"), "Allow"),
		Actions: named("actions"), NotActions: named("not_actions"),
		Resources: named("resources"), NotResources: named("not_resources"),
		Principals:    principals(block.GetAttr("principals"), plain),
		NotPrincipals: principals(block.GetAttr("not_principals"), plain),
	}
	if made.Effect != "Allow" && made.Effect != "Deny" {
		return made, fmt.Errorf("expected effect to be one of [Allow Deny], got %s", made.Effect)
	}
	if all := conditions(block.GetAttr("condition"), plain); len(all) > 0 {
		made.Conditions = all
	}
	return made, nil
}

func conditions(blocks cty.Value, plain func([]string) []string) map[string]map[string]any {
	values := map[string]map[string][]string{}
	for _, block := range blocks.AsValueSlice() {
		test, variable := text(block, "test"), text(block, "variable")
		if values[test] == nil {
			values[test] = map[string][]string{}
		}
		values[test][variable] = append(
			values[test][variable], plain(texts(block.GetAttr("values")))...)
	}
	all := map[string]map[string]any{}
	for test, variables := range values {
		all[test] = map[string]any{}
		for variable, items := range variables {
			all[test][variable] = oneOrMany(items)
		}
	}
	return all
}

func principals(blocks cty.Value, plain func([]string) []string) any {
	byType := map[string][]string{}
	for _, block := range blocks.AsValueSlice() {
		kind := text(block, "type")
		byType[kind] = append(byType[kind], plain(texts(block.GetAttr("identifiers")))...)
	}
	if len(byType) == 0 {
		return nil
	}
	if everyone := byType["*"]; len(byType) == 1 && slices.Equal(everyone, []string{"*"}) {
		return "*"
	}
	all := map[string]any{}
	for kind, identifiers := range byType {
		all[kind] = oneOrMany(sorted(identifiers))
	}
	return all
}

func (p *policy) takeAll(given cty.Value, attribute string) error {
	for _, source := range texts(given.GetAttr(attribute)) {
		other, err := parsePolicy(source)
		if err != nil {
			return fmt.Errorf("%s: %w", attribute, err)
		}
		p.take(other)
	}
	return nil
}

func parsePolicy(source string) (*policy, error) {
	if strings.TrimSpace(source) == "" {
		return &policy{}, nil
	}
	var raw struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(source), &raw); err != nil {
		return nil, err
	}
	parsed := &policy{Version: raw.Version, ID: raw.ID}
	switch {
	case len(raw.Statement) == 0:
		return parsed, nil
	case raw.Statement[0] == '{':
		parsed.Statements = make([]statement, 1)
		return parsed, json.Unmarshal(raw.Statement, &parsed.Statements[0])
	}
	return parsed, json.Unmarshal(raw.Statement, &parsed.Statements)
}

// take adds another policy's statements; one with a known Sid takes that one's place.
func (p *policy) take(other *policy) {
	p.ID = first(other.ID, p.ID)
	p.Version = max(other.Version, p.Version)
	for _, new := range other.Statements {
		at := slices.IndexFunc(p.Statements, func(old statement) bool {
			return new.Sid != "" && old.Sid == new.Sid
		})
		if at < 0 {
			p.Statements = append(p.Statements, new)
		} else {
			p.Statements[at] = new
		}
	}
}

// sorted is the order of the real data source: sets come backwards.
func sorted(items []string) []string {
	slices.Sort(items)
	slices.Reverse(items)
	return items
}

func oneOrMany(items []string) any {
	switch len(items) {
	case 0:
		return nil
	case 1:
		return items[0]
	}
	return items
}
