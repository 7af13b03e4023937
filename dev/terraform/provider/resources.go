package main

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/zclconf/go-cty/cty"
)

func (s *server) PlanResourceChange(
	_ context.Context, q *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	b := s.known.resources.get(q.TypeName)
	prior, err := decode(q.PriorState, b.kind())
	if err != nil {
		return nil, err
	}
	wanted, err := decode(q.ProposedNewState, b.kind())
	if err != nil {
		return nil, err
	}
	if wanted.IsNull() { // to be destroyed
		return &tfprotov6.PlanResourceChangeResponse{
			PlannedState: q.ProposedNewState, PlannedPrivate: q.PriorPrivate,
		}, nil
	}
	planned := b.changed(wanted, nil, withoutWriteOnly)
	if prior.IsNull() {
		planned = s.planKnown(q.TypeName, b, b.changed(planned, nil, openWhereComputed))
	}
	raw, err := encode(s.planTags(b, planned), b.kind())
	if err != nil {
		problem := failure("plan of %s: %s", q.TypeName, err)
		return &tfprotov6.PlanResourceChangeResponse{Diagnostics: problem}, nil
	}
	return &tfprotov6.PlanResourceChangeResponse{
		PlannedState: raw, PlannedPrivate: q.PriorPrivate, UnsafeToUseLegacyTypeSystem: true,
	}, nil
}

func withoutWriteOnly(_ []string, a *attribute, v cty.Value) cty.Value {
	if a.writeOnly() {
		return cty.NullVal(a.kind())
	}
	return v
}

func openWhereComputed(_ []string, a *attribute, v cty.Value) cty.Value {
	if a.computed() && !a.writeOnly() && v.IsNull() {
		return cty.UnknownVal(a.kind())
	}
	return v
}

// planTags computes tags_all: the provider's default_tags, then the resource's own.
func (s *server) planTags(b *block, v cty.Value) cty.Value {
	all := b.Attributes["tags_all"]
	if !s.isAWS() || b.Attributes["tags"] == nil || all == nil ||
		!all.kind().Equals(cty.Map(cty.String)) {
		return v
	}
	own := v.GetAttr("tags")
	if !own.IsKnown() || s.tagsOpen {
		return with(v, "tags_all", cty.UnknownVal(all.kind()))
	}
	tags := map[string]cty.Value{}
	for key, tag := range s.defaultTags {
		tags[key] = cty.StringVal(tag)
	}
	if !own.IsNull() {
		for key, tag := range own.AsValueMap() {
			tags[key] = tag
		}
	}
	return with(v, "tags_all", stringMap(tags))
}

// planKnown fills in what the real provider knows before it creates anything.
func (s *server) planKnown(kind string, b *block, v cty.Value) cty.Value {
	if !s.isAWS() {
		return v
	}
	region := b.Attributes["region"]
	if region != nil && region.computed() && !v.GetAttr("region").IsKnown() {
		v = with(v, "region", cty.StringVal(s.region))
	}
	if kind == "aws_acm_certificate" {
		v = planCertificate(b, v)
	}
	return v
}

// planCertificate names the domains that will want a record each: modules iterate over them.
func planCertificate(b *block, v cty.Value) cty.Value {
	domain, others := v.GetAttr("domain_name"), v.GetAttr("subject_alternative_names")
	if !settled(domain) {
		return v
	}
	names := []string{domain.AsString()}
	switch {
	case !others.IsKnown():
		v = with(v, "subject_alternative_names", cty.SetVal([]cty.Value{domain}))
	case !others.IsWhollyKnown():
		return v
	case !others.IsNull():
		names = append(names, texts(others)...)
	}
	slices.Sort(names)
	options := b.Attributes["domain_validation_options"].kind().ElementType()
	var records []cty.Value
	for _, name := range slices.Compact(names) {
		record := map[string]cty.Value{}
		for key, kind := range options.AttributeTypes() {
			record[key] = cty.UnknownVal(kind)
		}
		record["domain_name"] = cty.StringVal(name)
		records = append(records, cty.ObjectVal(record))
	}
	return with(v, "domain_validation_options", cty.SetVal(records))
}

func (s *server) ApplyResourceChange(
	_ context.Context, q *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	b := s.known.resources.get(q.TypeName)
	planned, err := decode(q.PlannedState, b.kind())
	if err != nil {
		return nil, err
	}
	if planned.IsNull() {
		return &tfprotov6.ApplyResourceChangeResponse{NewState: q.PlannedState}, nil
	}
	made, err := s.completed(q.TypeName, false, b, planned)
	if err != nil {
		problem := failure("%s: %s", q.TypeName, err)
		return &tfprotov6.ApplyResourceChangeResponse{Diagnostics: problem}, nil
	}
	raw, err := encode(b.changed(made, nil, withoutWriteOnly), b.kind())
	if err != nil {
		problem := failure("apply of %s: %s", q.TypeName, err)
		return &tfprotov6.ApplyResourceChangeResponse{Diagnostics: problem}, nil
	}
	return &tfprotov6.ApplyResourceChangeResponse{
		NewState: raw, Private: q.PlannedPrivate, UnsafeToUseLegacyTypeSystem: true,
	}, nil
}
