package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// created gives the real answers of new resources that modules rely on.
func (m *maker) created(b *block) {
	switch m.kind {
	case "aws_iam_role", "aws_iam_user":
		m.setText(b, "unique_id", "AROA"+strings.ToUpper(m.hex[:17]))
	case "aws_eks_cluster":
		m.setText(b, "version", "1.33")
	case "aws_security_group":
		m.setText(b, "description", "Managed by Terraform")
	case "aws_launch_template":
		m.set(b, "latest_version", cty.NumberIntVal(1))
		m.set(b, "default_version", cty.NumberIntVal(1))
	case "aws_sqs_queue":
		m.setText(b, "url", m.queueURL())
	case "aws_secretsmanager_secret_version":
		m.setText(b, "version_id", m.uuid())
	case "aws_kms_key":
		m.setText(b, "key_id", m.uuid())
	}
}

// The data sources with a fixed or computed answer, by kind.
var lookups = map[string]func(*maker, *block){
	"aws_caller_identity": func(m *maker, b *block) {
		m.setText(b, "account_id", m.account)
		m.setText(b, "id", m.account)
		m.setText(b, "arn", "arn:aws:iam::"+m.account+":user/standin")
		m.setText(b, "user_id", "AIDASTANDIN")
	},
	"aws_region": func(m *maker, b *block) {
		name := first(text(m.given, "name"), m.region)
		m.setText(b, "id", name)
		m.setText(b, "name", name)
		m.setText(b, "region", name)
		m.setText(b, "description", "Stand-in ("+name+")")
		m.setText(b, "endpoint", "ec2."+name+".amazonaws.com")
	},
	"aws_partition": func(m *maker, b *block) {
		m.setText(b, "id", "aws")
		m.setText(b, "partition", "aws")
		m.setText(b, "reverse_dns_prefix", "com.amazonaws")
	},
	"aws_availability_zones": func(m *maker, b *block) {
		m.setText(b, "id", m.region)
		m.set(b, "names", stringList(m.zones()))
		m.set(b, "zone_ids", stringList(zoneIDs))
		m.set(b, "group_names", stringSet([]string{m.region}))
	},
	"aws_default_tags": func(m *maker, b *block) {
		tags := map[string]cty.Value{}
		for key, tag := range m.defaultTags {
			tags[key] = cty.StringVal(tag)
		}
		m.set(b, "tags", stringMap(tags))
		m.setText(b, "id", "aws")
	},
	"aws_canonical_user_id": func(m *maker, b *block) { m.setText(b, "id", m.hex) },
	"aws_ami": func(m *maker, b *block) {
		m.setText(b, "image_id", "ami-"+m.hex[:17])
		m.setText(b, "id", "ami-"+m.hex[:17])
		m.setText(b, "architecture", "x86_64")
		m.setText(b, "root_device_name", "/dev/xvda")
	},
	"aws_elb_service_account": func(m *maker, b *block) {
		m.setText(b, "id", "127311923021")
		m.setText(b, "arn", "arn:aws:iam::127311923021:root")
	},
	"aws_service_principal": func(m *maker, b *block) {
		m.setText(b, "name", text(m.given, "service_name")+".amazonaws.com")
		m.setText(b, "suffix", "amazonaws.com")
	},
	"aws_ssm_parameter": func(m *maker, b *block) {
		if strings.Contains(text(m.given, "name"), "ami") {
			m.setText(b, "value", "ami-"+m.hex[:17])
			m.setText(b, "insecure_value", "ami-"+m.hex[:17])
		}
	},
	"aws_eks_addon_version": func(m *maker, b *block) {
		m.setText(b, "version", "v1.0.0-eksbuild.1")
	},
	"aws_eks_cluster": func(m *maker, b *block) { m.setText(b, "version", "1.33") },
	"aws_secretsmanager_secret_version": func(m *maker, b *block) {
		m.setText(b, "secret_string", "{}")
	},
}

// found gives the real answers of data sources.
func (m *maker) found(b *block) error {
	if lookup := lookups[m.kind]; lookup != nil {
		lookup(m, b)
	}
	if m.kind != "aws_iam_policy_document" {
		return nil
	}
	document, err := policyDocument(m.given)
	if err != nil {
		return err
	}
	pretty, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	short, err := json.Marshal(document)
	if err != nil {
		return err
	}
	sum := fnv.New32a()
	_, _ = sum.Write(pretty)
	m.setText(b, "json", string(pretty))
	m.setText(b, "minified_json", string(short))
	m.setText(b, "id", fmt.Sprint(sum.Sum32()))
	return nil
}
