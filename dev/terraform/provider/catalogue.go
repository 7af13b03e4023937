package main

import (
	"bufio"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

//go:embed schemas/*.gz
var schemas embed.FS

// The longest line of a schema file: the web ACLs of WAF are deep.
const longestLine = 4 << 20

// attribute is a type and its flags: r required, o optional, c computed, w write-only, s sensitive.
type attribute struct {
	raw   json.RawMessage
	flags string
	known cty.Type
}

// nested is a block inside a block; a maximum of 0 means any number.
type nested struct {
	nesting  string
	min, max int64
	raw      json.RawMessage
	block    *block
}

// block is the body of a resource, of a data source or of a block in one.
type block struct {
	Attributes map[string]*attribute `json:"a"`
	Blocks     map[string]*nested    `json:"b"`
	known      cty.Type
}

// shelf holds the blocks of one kind; a block is read when it is first asked for, because
// Terraform starts a provider many times and each time uses a handful of its types.
type shelf struct {
	lock   sync.Mutex // Terraform asks about many resources at a time
	raw    map[string][]byte
	read   map[string]*block
	wanted wanted
}

// wanted holds the names that a configuration contains; empty, it wants everything.
type wanted map[string]bool

func (w wanted) lacks(name string) bool { return len(w) > 0 && !w[name] }

// catalogue is all that one provider knows.
type catalogue struct {
	version                    string
	provider                   *block
	resources, data, ephemeral *shelf
}

// loadCatalogue reads schemas/NAME.gz: lines of a kind, a name and the body as JSON.
func loadCatalogue(name string) (*catalogue, error) {
	file, err := schemas.Open("schemas/" + name + ".gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return readCatalogue(plain)
}

func readCatalogue(from io.Reader) (*catalogue, error) {
	known := &catalogue{resources: newShelf(), data: newShelf(), ephemeral: newShelf()}
	shelves := map[string]*shelf{
		"resource": known.resources, "data": known.data, "ephemeral": known.ephemeral,
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		name, body, _ := strings.Cut(rest, " ")
		switch {
		case kind == "version":
			known.version = name
		case kind == "provider":
			known.provider = &block{}
			if err := known.provider.open([]byte(body), nil); err != nil {
				return nil, fmt.Errorf("provider %s: %w", name, err)
			}
		case shelves[kind] != nil:
			shelves[kind].raw[name] = []byte(body)
		default:
			return nil, fmt.Errorf("a schema line begins with %q", kind)
		}
	}
	return known, lines.Err()
}

// restrict forgets all types but those named, and in resources the blocks that may be left out and
// are not named; no name at all keeps everything. A schema of a few types is a hundred times faster to
// hand over than that of all, and that of a web ACL's few statements as much faster to work with.
func (c *catalogue) restrict(names []string) {
	kept := wanted{}
	for _, name := range names {
		kept[name] = true
	}
	c.resources.wanted = kept // data sources are answered block by block, and small
	for _, s := range []*shelf{c.resources, c.data, c.ephemeral} {
		maps.DeleteFunc(s.raw, func(name string, _ []byte) bool { return kept.lacks(name) })
	}
}

func newShelf() *shelf {
	return &shelf{raw: map[string][]byte{}, read: map[string]*block{}}
}

func (s *shelf) names() []string {
	return slices.Sorted(maps.Keys(s.raw))
}

// get returns a block; the schema files are ours, so one that cannot be read is a bug.
func (s *shelf) get(name string) *block {
	s.lock.Lock()
	defer s.lock.Unlock()
	if found := s.read[name]; found != nil {
		return found
	}
	found := &block{}
	if err := found.open(s.raw[name], s.wanted); err != nil {
		panic(fmt.Sprintf("schema of %s: %s", name, err))
	}
	found.kind() // remembers the types of all that is in it, which nobody may do later
	s.read[name] = found
	return found
}

func (a *attribute) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&a.raw, &a.flags})
}

func (n *nested) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&n.nesting, &n.min, &n.max, &n.raw})
}

// open reads a block and those of its blocks that are wanted or must be there.
func (b *block) open(raw []byte, named wanted) error {
	if err := json.Unmarshal(raw, b); err != nil {
		return err
	}
	maps.DeleteFunc(b.Blocks, func(name string, n *nested) bool {
		return n.min == 0 && named.lacks(name)
	})
	for _, n := range b.Blocks {
		n.block = &block{}
		if err := n.block.open(n.raw, named); err != nil {
			return err
		}
	}
	return nil
}

func (a *attribute) required() bool  { return strings.Contains(a.flags, "r") }
func (a *attribute) optional() bool  { return strings.Contains(a.flags, "o") }
func (a *attribute) computed() bool  { return strings.Contains(a.flags, "c") }
func (a *attribute) writeOnly() bool { return strings.Contains(a.flags, "w") }
func (a *attribute) sensitive() bool { return strings.Contains(a.flags, "s") }

// readOnly says that only the provider gives a value.
func (a *attribute) readOnly() bool { return a.computed() && !a.optional() }

func (a *attribute) kind() cty.Type {
	if a.known == cty.NilType {
		kind, err := ctyjson.UnmarshalType(a.raw)
		if err != nil {
			panic(fmt.Sprintf("type %s: %s", a.raw, err))
		}
		a.known = kind
	}
	return a.known
}

// kind is the object type of the block's values.
func (b *block) kind() cty.Type {
	if b.known != cty.NilType {
		return b.known
	}
	kinds := map[string]cty.Type{}
	for name, a := range b.Attributes {
		kinds[name] = a.kind()
	}
	for name, n := range b.Blocks {
		switch inner := n.block.kind(); n.nesting {
		case "list":
			kinds[name] = cty.List(inner)
		case "set":
			kinds[name] = cty.Set(inner)
		default:
			kinds[name] = inner
		}
	}
	b.known = cty.Object(kinds)
	return b.known
}
