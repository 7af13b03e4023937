package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Where a resource says what it is called.
var nameAttributes = []string{
	"name", "bucket", "cluster_identifier", "identifier", "cluster_id", "replication_group_id",
	"function_name", "cluster_name", "repository_name", "domain_name", "domain", "rule_name",
	"alarm_name", "family", "user_name", "group_name", "key_name", "namespace_name",
	"workgroup_name", "stream_name", "queue_name", "role_name",
}

var prefixAttributes = []string{
	"name_prefix", "bucket_prefix", "cluster_identifier_prefix", "identifier_prefix",
}

// maker makes plausible values for one resource or data source.
type maker struct {
	*server
	kind   string // aws_vpc
	isNew  bool   // a resource; a data source is only read
	region string // its own, if it names one, and not the provider's
	hex    string // 64 hex digits: random for a resource, from the question for a data source
	given  cty.Value
	label  string // what it is called
	id     string
	arn    string
	exact  map[string]cty.Value // attributes with a real answer
}

// completed fills in every value that is still unknown.
func (s *server) completed(kind string, isData bool, b *block, v cty.Value) (cty.Value, error) {
	m := &maker{server: s, kind: kind, isNew: !isData, given: v, exact: map[string]cty.Value{}}
	m.region = first(text(v, "region"), s.region)
	m.hex = m.digits()
	m.label = m.called()
	if err := m.answer(b); err != nil {
		return v, err
	}
	m.id = first(text(v, "id"), m.exactText("id"), m.makeID())
	m.arn = first(text(v, "arn"), m.exactText("arn"), m.makeARN())
	if s.isAWS() && idIsARN[kind] {
		m.id = m.arn
	}
	fill := func(path []string, a *attribute, x cty.Value) cty.Value {
		if real, ok := m.exact[path[len(path)-1]]; ok && len(path) == 1 && !x.IsKnown() {
			return real
		}
		return m.filled(path[len(path)-1], a.kind(), x, a.optional())
	}
	return b.changed(v, nil, fill), nil
}

func (m *maker) answer(b *block) error {
	switch {
	case m.isAWS() && m.isNew:
		m.created(b)
	case m.isAWS():
		return m.found(b)
	case m.name == "random":
		return m.drawn(b)
	case m.name == "archive":
		return m.packed(b)
	}
	return nil
}

func (m *maker) digits() string {
	if m.isNew {
		bytes := make([]byte, 32)
		_, _ = rand.Read(bytes) // never fails
		return hex.EncodeToString(bytes)
	}
	asked, _ := cty.Transform(m.given, func(_ cty.Path, x cty.Value) (cty.Value, error) {
		if !x.IsKnown() {
			return cty.NullVal(x.Type()), nil
		}
		return x, nil
	})
	question, _ := ctyjson.Marshal(asked, asked.Type())
	sum := sha256.Sum256(append([]byte(m.kind), question...))
	return hex.EncodeToString(sum[:])
}

func (m *maker) called() string {
	for _, name := range nameAttributes {
		if given := text(m.given, name); given != "" {
			return given
		}
	}
	for _, name := range prefixAttributes {
		if given := text(m.given, name); given != "" {
			return given + time.Now().UTC().Format("20060102150405") + m.hex[:12]
		}
	}
	kind := strings.TrimPrefix(m.kind, m.name+"_")
	return strings.ReplaceAll(kind, "_", "-") + "-" + m.hex[:8]
}

func (m *maker) exactText(name string) string {
	if v, ok := m.exact[name]; ok && v.Type() == cty.String {
		return v.AsString()
	}
	return ""
}

// set gives an attribute its real answer, where the block has that attribute.
func (m *maker) set(b *block, name string, v cty.Value) {
	if b.Attributes[name] != nil {
		m.exact[name] = v
	}
}

func (m *maker) setText(b *block, name, v string) { m.set(b, name, cty.StringVal(v)) }

// filled replaces every unknown in v; name is that of the nearest attribute.
func (m *maker) filled(name string, kind cty.Type, v cty.Value, optional bool) cty.Value {
	switch {
	case v.IsWhollyKnown():
		return v
	case v.IsKnown():
		return m.filledInside(name, v)
	case kind == cty.String:
		return cty.StringVal(m.text(name))
	case kind == cty.Number:
		return cty.NumberIntVal(m.number(name))
	case kind == cty.Bool:
		return cty.False
	case kind.IsMapType():
		return cty.MapValEmpty(kind.ElementType())
	case kind.IsObjectType():
		all := map[string]cty.Value{}
		for key, inner := range kind.AttributeTypes() {
			all[key] = m.filled(key, inner, cty.UnknownVal(inner), false)
		}
		return cty.ObjectVal(all)
	case kind.IsListType(), kind.IsSetType():
		return m.collection(name, kind, optional)
	}
	return cty.NullVal(kind)
}

// filledInside is for a known container with unknowns in it.
func (m *maker) filledInside(name string, v cty.Value) cty.Value {
	kind := v.Type()
	if kind.IsObjectType() || kind.IsMapType() {
		all := map[string]cty.Value{}
		for key, item := range v.AsValueMap() {
			all[key] = m.filled(key, item.Type(), item, false)
		}
		if kind.IsMapType() {
			return cty.MapVal(all)
		}
		return cty.ObjectVal(all)
	}
	var all []cty.Value
	for _, item := range v.AsValueSlice() {
		all = append(all, m.filled(name, item.Type(), item, false))
	}
	if kind.IsSetType() {
		return cty.SetVal(all)
	}
	return cty.ListVal(all)
}

// collection makes a list or set: empty if it could have been given, else with one item or more.
func (m *maker) collection(name string, kind cty.Type, optional bool) cty.Value {
	inner := kind.ElementType()
	var items []cty.Value
	switch {
	case optional:
	case inner == cty.String:
		items = stringValues(m.list(name))
	default:
		items = []cty.Value{m.filled(name, inner, cty.UnknownVal(inner), false)}
	}
	switch {
	case kind.IsSetType() && len(items) == 0:
		return cty.SetValEmpty(inner)
	case kind.IsSetType():
		return cty.SetVal(items)
	case len(items) == 0:
		return cty.ListValEmpty(inner)
	}
	return cty.ListVal(items)
}

func (m *maker) uuid() string {
	h := m.hex
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

func (m *maker) zones() []string {
	return []string{m.region + "a", m.region + "b", m.region + "c"}
}
