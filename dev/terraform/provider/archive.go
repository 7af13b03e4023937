package main

import (
	"archive/zip"
	"bytes"
	"crypto/md5"  //nolint:gosec // the provider has these attributes
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

type packedFile struct {
	name    string
	content []byte
	mode    fs.FileMode
}

// packed plays archive_file: the zip file is written.
func (m *maker) packed(b *block) error {
	files, err := m.filesToPack()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("archive has not been created as it would be empty")
	}
	slices.SortFunc(files, func(x, y packedFile) int { return strings.Compare(x.name, y.name) })
	content, err := zipped(files)
	if err != nil {
		return err
	}
	target := text(m.given, "output_path")
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(target, content, 0o644); err != nil { //nolint:gosec // as the provider
		return err
	}
	m.set(b, "output_size", cty.NumberIntVal(int64(len(content))))
	m.setHashes(b, content)
	return nil
}

func (m *maker) filesToPack() ([]packedFile, error) {
	if file := text(m.given, "source_file"); file != "" {
		one, err := packedFrom(file, filepath.Base(file))
		return []packedFile{one}, err
	}
	if folder := text(m.given, "source_dir"); folder != "" {
		patterns := texts(m.given.GetAttr("excludes"))
		return filesBelow(folder, func(path string) bool {
			relative, _ := filepath.Rel(folder, path)
			return !excluded(relative, patterns)
		})
	}
	if name := text(m.given, "source_content_filename"); name != "" {
		return []packedFile{{name, []byte(text(m.given, "source_content")), 0o644}}, nil
	}
	var files []packedFile
	for _, source := range m.given.GetAttr("source").AsValueSlice() {
		content := []byte(text(source, "content"))
		files = append(files, packedFile{text(source, "filename"), content, 0o644})
	}
	return files, nil
}

func filesBelow(folder string, wanted func(path string) bool) ([]packedFile, error) {
	var files []packedFile
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !wanted(path) {
			return err
		}
		relative, _ := filepath.Rel(folder, path)
		file, err := packedFrom(path, filepath.ToSlash(relative))
		files = append(files, file)
		return err
	})
	return files, err
}

func packedFrom(path, name string) (packedFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return packedFile{}, err
	}
	content, err := os.ReadFile(path)
	return packedFile{name, content, info.Mode()}, err
}

func excluded(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		folder := strings.TrimSuffix(pattern, "/**")
		matches, _ := filepath.Match(folder, path)
		return matches || path == folder || strings.HasPrefix(path, folder+"/")
	})
}

// zipped is the same for the same files: all bear the provider's fixed time.
func zipped(files []packedFile) ([]byte, error) {
	var buffer bytes.Buffer
	writer := zip.NewWriter(&buffer)
	for _, file := range files {
		header := &zip.FileHeader{Name: file.name, Method: zip.Deflate}
		header.Modified = time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC)
		header.SetMode(file.mode)
		entry, err := writer.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(file.content); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return buffer.Bytes(), err
}

func (m *maker) setHashes(b *block, content []byte) {
	md5Sum, sha1Sum := md5.Sum(content), sha1.Sum(content) //nolint:gosec // no secrets
	sha256Sum, sha512Sum := sha256.Sum256(content), sha512.Sum512(content)
	m.setText(b, "id", hex.EncodeToString(sha1Sum[:]))
	m.setText(b, "output_md5", hex.EncodeToString(md5Sum[:]))
	m.setText(b, "output_sha", hex.EncodeToString(sha1Sum[:]))
	m.setText(b, "output_sha256", hex.EncodeToString(sha256Sum[:]))
	m.setText(b, "output_sha512", hex.EncodeToString(sha512Sum[:]))
	m.setText(b, "output_base64sha256", base64.StdEncoding.EncodeToString(sha256Sum[:]))
	m.setText(b, "output_base64sha512", base64.StdEncoding.EncodeToString(sha512Sum[:]))
}
