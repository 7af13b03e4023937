package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/zclconf/go-cty/cty"
)

var ctx = context.Background()

func started(t *testing.T, name string) *server {
	t.Helper()
	known, err := loadCatalogue(name)
	if err != nil {
		t.Fatal(err)
	}
	return newServer(name, known)
}

// smallest is the least configuration that a schema accepts.
func smallest(b *block) cty.Value {
	all := map[string]cty.Value{}
	for name, a := range b.Attributes {
		all[name] = cty.NullVal(a.kind())
		if a.required() {
			all[name] = sample(a.kind())
		}
	}
	for name, n := range b.Blocks {
		kind := n.block.kind()
		var items []cty.Value
		for range n.min {
			items = append(items, smallest(n.block))
		}
		switch {
		case n.nesting == "single":
			all[name] = cty.NullVal(kind)
		case n.nesting == "set" && len(items) == 0:
			all[name] = cty.SetValEmpty(kind)
		case n.nesting == "set":
			all[name] = cty.SetVal(items)
		case len(items) == 0:
			all[name] = cty.ListValEmpty(kind)
		default:
			all[name] = cty.ListVal(items)
		}
	}
	return cty.ObjectVal(all)
}

func sample(kind cty.Type) cty.Value {
	switch {
	case kind == cty.Number:
		return cty.NumberIntVal(1)
	case kind == cty.Bool:
		return cty.True
	case kind.IsListType():
		return cty.ListVal([]cty.Value{sample(kind.ElementType())})
	case kind.IsSetType():
		return cty.SetVal([]cty.Value{sample(kind.ElementType())})
	case kind.IsMapType():
		return cty.MapVal(map[string]cty.Value{"k": sample(kind.ElementType())})
	case kind.IsObjectType():
		all := map[string]cty.Value{}
		for name, inner := range kind.AttributeTypes() {
			all[name] = sample(inner)
		}
		return cty.ObjectVal(all)
	}
	return cty.StringVal("x")
}

func created(t *testing.T, s *server, kind string, config cty.Value) cty.Value {
	t.Helper()
	b := s.known.resources.get(kind)
	wanted, err := encode(config, b.kind())
	if err != nil {
		t.Fatalf("%s: %s", kind, err)
	}
	nothing, _ := encode(cty.NullVal(b.kind()), b.kind())
	plan, err := s.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: kind, PriorState: nothing, ProposedNewState: wanted, Config: wanted,
	})
	if err != nil || len(plan.Diagnostics) > 0 {
		t.Fatalf("%s: plan: %v %+v", kind, err, plan)
	}
	applied, err := s.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: kind, PriorState: nothing, PlannedState: plan.PlannedState, Config: wanted,
	})
	if err != nil || len(applied.Diagnostics) > 0 {
		t.Fatalf("%s: apply: %v %+v", kind, err, applied)
	}
	state, err := decode(applied.NewState, b.kind())
	if err != nil {
		t.Fatalf("%s: %s", kind, err)
	}
	return state
}

func looked(t *testing.T, s *server, kind string, config cty.Value) cty.Value {
	t.Helper()
	b := s.known.data.get(kind)
	asked, err := encode(config, b.kind())
	if err != nil {
		t.Fatalf("data.%s: %s", kind, err)
	}
	answer, err := s.ReadDataSource(ctx, &tfprotov6.ReadDataSourceRequest{TypeName: kind, Config: asked})
	if err != nil || len(answer.Diagnostics) > 0 {
		t.Fatalf("data.%s: %v %+v", kind, err, answer)
	}
	state, err := decode(answer.State, b.kind())
	if err != nil {
		t.Fatalf("data.%s: %s", kind, err)
	}
	return state
}

func TestEveryResourceCanBePlannedAndApplied(t *testing.T) {
	for _, name := range []string{"aws", "random"} {
		s := started(t, name)
		for _, kind := range s.known.resources.names() {
			if !created(t, s, kind, smallest(s.known.resources.get(kind))).IsWhollyKnown() {
				t.Errorf("%s: not wholly known after apply", kind)
			}
		}
	}
}

func TestEveryDataSourceAnswersTheSameQuestionTheSame(t *testing.T) {
	s := started(t, "aws")
	for _, kind := range s.known.data.names() {
		config := smallest(s.known.data.get(kind))
		one, two := looked(t, s, kind, config), looked(t, s, kind, config)
		if !one.IsWhollyKnown() || !one.RawEquals(two) {
			t.Errorf("data.%s: unknown or unstable", kind)
		}
	}
}

func TestTheSchemaHoldsEveryType(t *testing.T) {
	s := started(t, "aws")
	r, err := s.GetProviderSchema(ctx, nil)
	if err != nil || len(r.ResourceSchemas) != 1725 || len(r.DataSourceSchemas) != 683 {
		t.Fatal(err, len(r.ResourceSchemas), len(r.DataSourceSchemas))
	}
	if version := r.ResourceSchemas["aws_vpc"].Block.Attributes[0].Name; version != "arn" {
		t.Error(version)
	}
}

func TestARestrictedCatalogueKnowsOnlyTheTypesNamed(t *testing.T) {
	s := started(t, "aws")
	s.known.restrict([]string{"aws_vpc", "aws_partition", "random_id"})
	if got := s.known.resources.names(); !slices.Equal(got, []string{"aws_vpc"}) {
		t.Error(got)
	}
	if got := s.known.data.names(); !slices.Equal(got, []string{"aws_partition", "aws_vpc"}) {
		t.Error(got)
	}
}

func TestARestrictedCatalogueKeepsTheBlocksThatAreNamedOrMustBeThere(t *testing.T) {
	s := started(t, "aws")
	s.known.restrict([]string{"aws_wafv2_web_acl", "rule", "statement", "rate_based_statement"})
	acl := s.known.resources.get("aws_wafv2_web_acl").Blocks
	if acl["default_action"] == nil || acl["custom_response_body"] != nil {
		t.Error("default_action must be there, custom_response_body is not named")
	}
	statement := acl["rule"].block.Blocks["statement"].block.Blocks
	if len(statement) != 1 || statement["rate_based_statement"] == nil {
		t.Errorf("of the statements there are %d", len(statement))
	}
}

func TestAValueForAReadOnlyAttributeIsRefused(t *testing.T) {
	b := started(t, "aws").known.resources.get("aws_lb")
	config, _ := encode(with(smallest(b), "dns_name", cty.StringVal("x")), b.kind())
	problems := givenButReadOnly(b, config)
	if len(problems) != 1 || !strings.Contains(problems[0].Detail, `"dns_name"`) {
		t.Errorf("%+v", problems)
	}
}

func TestTagsAreTheDefaultsAndTheResourcesOwn(t *testing.T) {
	s := started(t, "aws")
	s.defaultTags = map[string]string{"part": "all", "who": "default"}
	own := cty.MapVal(map[string]cty.Value{"who": cty.StringVal("own")})
	b := s.known.resources.get("aws_vpc")
	state := created(t, s, "aws_vpc", with(smallest(b), "tags", own))
	tags := state.GetAttr("tags_all").AsValueMap()
	if len(tags) != 2 || tags["who"].AsString() != "own" || tags["part"].AsString() != "all" {
		t.Error(tags)
	}
}

func TestIdentifiersHaveTheFormOfTheService(t *testing.T) {
	s := started(t, "aws")
	for kind, want := range map[string][2]string{
		"aws_vpc":              {"id", "vpc-"},
		"aws_sqs_queue":        {"url", "https://sqs.us-east-1.amazonaws.com/123456789012/"},
		"aws_iam_role":         {"arn", "arn:aws:iam::123456789012:role/"},
		"aws_kms_key":          {"arn", "arn:aws:kms:us-east-1:123456789012:key/"},
		"aws_lb":               {"id", "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/"},
		"aws_lb_listener":      {"arn", "x/"}, // its load balancer's ARN is "x" here
		"aws_eks_cluster":      {"endpoint", "https://"},
		"aws_eks_node_group":   {"id", "x:"},
		"aws_sns_topic":        {"id", "arn:aws:sns:us-east-1:123456789012:"},
		"aws_dynamodb_table":   {"arn", "arn:aws:dynamodb:us-east-1:123456789012:table/x"},
		"aws_wafv2_web_acl":    {"arn", "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/"},
		"aws_guardduty_filter": {"arn", "arn:aws:guardduty:us-east-1:123456789012:filter/x"},
	} {
		state := created(t, s, kind, smallest(s.known.resources.get(kind)))
		if got := text(state, want[0]); !strings.HasPrefix(got, want[1]) {
			t.Errorf("%s.%s is %q", kind, want[0], got)
		}
	}
}

func TestAnARNIsOfTheRegionThatItsResourceNames(t *testing.T) {
	s := started(t, "aws")
	asked := with(smallest(s.known.resources.get("aws_acm_certificate")), "region", cty.StringVal("eu-west-3"))
	state := created(t, s, "aws_acm_certificate", asked)
	if got := text(state, "arn"); !strings.HasPrefix(got, "arn:aws:acm:eu-west-3:") {
		t.Errorf("the ARN is %q", got)
	}
}

func statementOf(t *testing.T, s *server, attributes map[string]cty.Value) cty.Value {
	t.Helper()
	b := s.known.data.get("aws_iam_policy_document")
	block := smallest(b.Blocks["statement"].block).AsValueMap()
	maps.Copy(block, attributes)
	return with(smallest(b), "statement", cty.ListVal([]cty.Value{cty.ObjectVal(block)}))
}

func TestAPolicyDocumentIsRendered(t *testing.T) {
	s := started(t, "aws")
	state := looked(t, s, "aws_iam_policy_document", statementOf(t, s, map[string]cty.Value{
		"actions":   stringSet([]string{"sts:AssumeRole", "sts:TagSession"}),
		"resources": stringSet([]string{"arn:aws:s3:::b/&{aws:username}"}),
	}))
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Action":["sts:TagSession","sts:AssumeRole"],"Resource":"arn:aws:s3:::b/${aws:username}"}]}`
	if got := text(state, "minified_json"); got != want {
		t.Error(got)
	}
}

func TestAnOverridingStatementTakesTheOtherOnesPlace(t *testing.T) {
	whole := &policy{}
	for _, source := range []string{
		`{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Action":"x"}}`,
		`{"Statement":[{"Sid":"a","Effect":"Deny","Action":"x"},{"Effect":"Allow","Action":"y"}]}`,
	} {
		other, err := parsePolicy(source)
		if err != nil {
			t.Fatal(err)
		}
		whole.take(other)
	}
	got, _ := json.Marshal(whole)
	want := `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Deny","Action":"x"},` +
		`{"Effect":"Allow","Action":"y"}]}`
	if string(got) != want {
		t.Error(string(got))
	}
}

func TestAnArnIsTakenApart(t *testing.T) {
	parsed, err := call("arn_parse", []string{"arn:aws:iam::1:role/a/b"})
	if err != nil || text(parsed, "resource") != "role/a/b" || text(parsed, "service") != "iam" {
		t.Error(parsed, err)
	}
	short, err := call("trim_iam_role_path", []string{"arn:aws:iam::1:role/a/b"})
	if err != nil || short.AsString() != "arn:aws:iam::1:role/b" {
		t.Error(short, err)
	}
	if _, err := call("arn_parse", []string{"vpc-1"}); err == nil {
		t.Error("took vpc-1 for an ARN")
	}
}

func TestTheSameFilesMakeTheSameArchive(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"in/a.py": "a", "in/b/c.py": "c", "in/skip/d": "d"} {
		if err := os.MkdirAll(name[:strings.LastIndex(name, "/")], 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := started(t, "archive")
	config := smallest(s.known.data.get("archive_file"))
	config = with(config, "type", cty.StringVal("zip"))
	config = with(config, "source_dir", cty.StringVal("in"))
	config = with(config, "excludes", stringSet([]string{"skip/**"}))
	config = with(config, "output_path", cty.StringVal("out/code.zip"))
	one, two := looked(t, s, "archive_file", config), looked(t, s, "archive_file", config)
	if text(one, "output_sha256") == "" || !one.RawEquals(two) {
		t.Error(one, two)
	}
	if info, err := os.Stat("out/code.zip"); err != nil || info.Size() != number(one, "output_size", 0) {
		t.Error(info, err)
	}
}

func TestAPasswordHasTheLengthAndTheClassesAskedFor(t *testing.T) {
	s := started(t, "random")
	config := smallest(s.known.resources.get("random_password"))
	config = with(config, "length", cty.NumberIntVal(40))
	config = with(config, "special", cty.False)
	result := text(created(t, s, "random_password", config), "result")
	if len(result) != 40 || strings.ContainsAny(result, specials) {
		t.Error(result)
	}
}
