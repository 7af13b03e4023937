package main

import (
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"github.com/zclconf/go-cty/cty/msgpack"
)

func decode(raw *tfprotov6.DynamicValue, kind cty.Type) (cty.Value, error) {
	switch {
	case raw != nil && len(raw.MsgPack) > 0:
		return msgpack.Unmarshal(raw.MsgPack, kind)
	case raw != nil && len(raw.JSON) > 0:
		return ctyjson.Unmarshal(raw.JSON, kind)
	}
	return cty.NullVal(kind), nil
}

func encode(v cty.Value, kind cty.Type) (*tfprotov6.DynamicValue, error) {
	raw, err := msgpack.Marshal(v, kind)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.DynamicValue{MsgPack: raw}, nil
}

// change is what to do with one attribute's value; the path ends with its name.
type change func(path []string, a *attribute, v cty.Value) cty.Value

// changed applies a change to every attribute of v, in blocks at every depth too.
func (b *block) changed(v cty.Value, path []string, do change) cty.Value {
	if v.IsNull() || !v.IsKnown() {
		return v
	}
	all := map[string]cty.Value{}
	for name, a := range b.Attributes {
		all[name] = do(append(slices.Clone(path), name), a, v.GetAttr(name))
	}
	for name, n := range b.Blocks {
		all[name] = n.changed(v.GetAttr(name), append(slices.Clone(path), name), do)
	}
	return cty.ObjectVal(all)
}

func (n *nested) changed(v cty.Value, path []string, do change) cty.Value {
	if v.IsNull() || !v.IsKnown() {
		return v
	}
	if n.nesting == "single" {
		return n.block.changed(v, path, do)
	}
	if v.LengthInt() == 0 {
		return v
	}
	var items []cty.Value
	for _, item := range v.AsValueSlice() {
		items = append(items, n.block.changed(item, path, do))
	}
	if n.nesting == "set" {
		return cty.SetVal(items)
	}
	return cty.ListVal(items)
}

// with returns the object with one attribute set.
func with(v cty.Value, name string, to cty.Value) cty.Value {
	all := v.AsValueMap()
	all[name] = to
	return cty.ObjectVal(all)
}

// settled says that there is a value: known and not null.
func settled(v cty.Value) bool { return v.IsKnown() && !v.IsNull() }

// text returns the named string of an object; "" if there is none.
func text(v cty.Value, name string) string {
	if !settled(v) || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		return ""
	}
	found := v.GetAttr(name)
	if !settled(found) || found.Type() != cty.String {
		return ""
	}
	return found.AsString()
}

// texts returns the strings of a collection, without those not known.
func texts(v cty.Value) []string {
	var all []string
	if !settled(v) {
		return nil
	}
	for _, item := range v.AsValueSlice() {
		if settled(item) {
			all = append(all, item.AsString())
		}
	}
	return all
}

// number returns the named number of an object, or what it is when unset.
func number(v cty.Value, name string, unset int64) int64 {
	if !v.Type().HasAttribute(name) || !settled(v.GetAttr(name)) {
		return unset
	}
	whole, _ := v.GetAttr(name).AsBigFloat().Int64()
	return whole
}

// truth returns the named bool of an object, or what it is when unset.
func truth(v cty.Value, name string, unset bool) bool {
	if !v.Type().HasAttribute(name) || !settled(v.GetAttr(name)) {
		return unset
	}
	return v.GetAttr(name).True()
}

// stringList, stringSet and stringMap make collections that may be empty.
func stringList(items []string) cty.Value {
	if len(items) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(stringValues(items))
}

func stringSet(items []string) cty.Value {
	if len(items) == 0 {
		return cty.SetValEmpty(cty.String)
	}
	return cty.SetVal(stringValues(items))
}

func stringMap(items map[string]cty.Value) cty.Value {
	if len(items) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	return cty.MapVal(items)
}

func stringValues(items []string) []cty.Value {
	values := make([]cty.Value, len(items))
	for i, item := range items {
		values[i] = cty.StringVal(item)
	}
	return values
}

// first returns the first string that says something.
func first(candidates ...string) string {
	for _, candidate := range candidates {
		if strings.TrimSpace(candidate) != "" {
			return candidate
		}
	}
	return ""
}
