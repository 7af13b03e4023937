package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

var petWords = []string{"amber", "brisk", "calm", "dusty", "eager", "fuzzy", "gentle", "humble"}

const specials = "!@#$%&*()-_=+[]{}<>:?"

func drawn(below int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(below))
	if err != nil {
		panic(err)
	}
	return n.Int64()
}

// drawn plays hashicorp/random: its results are really random.
func (m *maker) drawn(b *block) error {
	switch m.kind {
	case "random_id", "random_bytes":
		m.drawnBytes(b)
	case "random_password", "random_string":
		return m.drawnCharacters(b)
	case "random_pet":
		words := []string{}
		for range number(m.given, "length", 2) {
			words = append(words, petWords[drawn(int64(len(petWords)))])
		}
		if prefix := text(m.given, "prefix"); prefix != "" {
			words = append([]string{prefix}, words...)
		}
		m.setText(b, "id", strings.Join(words, first(text(m.given, "separator"), "-")))
	case "random_integer":
		low, high := number(m.given, "min", 0), number(m.given, "max", 0)
		if high < low {
			return fmt.Errorf("max (%d) is less than min (%d)", high, low)
		}
		n := low + drawn(high-low+1)
		m.set(b, "result", cty.NumberIntVal(n))
		m.setText(b, "id", fmt.Sprint(n))
	case "random_uuid", "random_uuid4", "random_uuid7":
		m.setText(b, "result", m.uuid())
		m.setText(b, "id", m.uuid())
	case "random_shuffle":
		items := texts(m.given.GetAttr("input"))
		for i := len(items) - 1; i > 0; i-- {
			j := drawn(int64(i + 1))
			items[i], items[j] = items[j], items[i]
		}
		wanted := number(m.given, "result_count", int64(len(items)))
		m.set(b, "result", stringList(items[:min(wanted, int64(len(items)))]))
		m.setText(b, "id", "-")
	}
	return nil
}

func (m *maker) drawnBytes(b *block) {
	bytes := make([]byte, number(m.given, "byte_length", number(m.given, "length", 8)))
	_, _ = rand.Read(bytes) // never fails
	prefix := text(m.given, "prefix")
	m.setText(b, "id", base64.RawURLEncoding.EncodeToString(bytes))
	m.setText(b, "b64_url", prefix+base64.RawURLEncoding.EncodeToString(bytes))
	m.setText(b, "b64_std", prefix+base64.StdEncoding.EncodeToString(bytes))
	m.setText(b, "base64", base64.StdEncoding.EncodeToString(bytes))
	m.setText(b, "hex", prefix+hex.EncodeToString(bytes))
	m.setText(b, "dec", prefix+new(big.Int).SetBytes(bytes).String())
}

func (m *maker) drawnCharacters(b *block) error {
	classes := [][2]string{
		{"lower", "abcdefghijklmnopqrstuvwxyz"},
		{"upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{"numeric", "0123456789"},
		{"special", first(text(m.given, "override_special"), specials)},
	}
	var characters []byte
	pool := ""
	for _, class := range classes {
		if !truth(m.given, class[0], true) {
			continue
		}
		pool += class[1]
		m.set(b, class[0], cty.True)
		for range number(m.given, "min_"+class[0], 0) {
			characters = append(characters, class[1][drawn(int64(len(class[1])))])
		}
	}
	if pool == "" {
		return errors.New("no class of characters is enabled")
	}
	for int64(len(characters)) < number(m.given, "length", 16) {
		at := drawn(int64(len(characters) + 1))
		characters = slices.Insert(characters, int(at), pool[drawn(int64(len(pool)))])
	}
	for _, name := range []string{"min_lower", "min_upper", "min_numeric", "min_special"} {
		m.set(b, name, cty.NumberIntVal(0))
	}
	m.set(b, "number", cty.BoolVal(truth(m.given, "numeric", true)))
	m.setText(b, "result", string(characters))
	m.setText(b, "bcrypt_hash", "$2a$10$"+m.hex[:53])
	m.setText(b, "id", string(characters))
	if m.kind == "random_password" {
		m.setText(b, "id", "none")
	}
	return nil
}
