package main

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var nestings = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
}

// schemaOf returns a block as the protocol's message.
func schemaOf(b *block) *tfprotov6.Schema {
	return &tfprotov6.Schema{Block: blockMessage(b)}
}

func schemasOf(s *shelf) map[string]*tfprotov6.Schema {
	all := map[string]*tfprotov6.Schema{}
	for _, name := range s.names() {
		all[name] = schemaOf(s.get(name))
	}
	return all
}

func blockMessage(b *block) *tfprotov6.SchemaBlock {
	message := &tfprotov6.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		a := b.Attributes[name]
		message.Attributes = append(message.Attributes, &tfprotov6.SchemaAttribute{
			Name: name, Type: protocolType(a), Required: a.required(), Optional: a.optional(),
			Computed: a.computed(), WriteOnly: a.writeOnly(), Sensitive: a.sensitive(),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(b.Blocks)) {
		n := b.Blocks[name]
		message.BlockTypes = append(message.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Nesting: nestings[n.nesting], MinItems: n.min, MaxItems: n.max,
			Block: blockMessage(n.block),
		})
	}
	return message
}

func protocolType(a *attribute) tftypes.Type {
	kind, err := tftypes.ParseJSONType(a.raw) //nolint:staticcheck // there is no other way
	if err != nil {
		panic(err)
	}
	return kind
}
