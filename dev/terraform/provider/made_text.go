package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

var zoneIDs = []string{"mock-az1", "mock-az2", "mock-az3"}

// Attributes whose made-up value depends on nothing else.
var fixedTexts = map[string]string{
	"partition": "aws", "dns_suffix": "amazonaws.com", "cidr_block": "10.0.0.0/16",
	"version": "1", "latest_version": "1", "default_version": "1", "version_id": "1",
	"qualifier": "1", "policy": "{}", "json": "{}", "assume_role_policy": "{}",
	"minified_json": "{}", "status": "ACTIVE", "state": "ACTIVE", "resource_record_type": "CNAME",
	"data": base64.StdEncoding.EncodeToString(
		[]byte("-----BEGIN CERTIFICATE-----\nmock\n-----END CERTIFICATE-----\n")),
}

// text makes a string for an attribute of that name.
func (m *maker) text(name string) string {
	if fixed, ok := fixedTexts[name]; ok {
		return fixed
	}
	if made := m.identity(name); made != "" {
		return made
	}
	if made := m.address(name); made != "" {
		return made
	}
	return first(m.bySuffix(name), "mock-"+name)
}

func (m *maker) identity(name string) string {
	switch name {
	case "id":
		return m.id
	case "arn":
		return m.arn
	case "name", "bucket", "cluster_identifier", "identifier", "function_name", "cluster_name",
		"rule_name":
		return m.label
	case "region":
		return m.region
	case "availability_zone":
		return m.region + "a"
	case "account_id", "owner_id", "registry_id", "owner", "aws_account_id", "owner_account_id",
		"catalog_id":
		return m.account
	case "unique_id", "creation_id":
		return "AROA" + strings.ToUpper(m.hex[:17])
	case "qualified_arn":
		return m.arn + ":1"
	case "invoke_arn", "qualified_invoke_arn":
		return "arn:aws:apigateway:" + m.region + ":lambda:path/2015-03-31/functions/" + m.arn +
			"/invocations"
	case "zone_id", "hosted_zone_id":
		return "Z" + strings.ToUpper(m.hex[:13])
	case "etag", "source_code_hash", "code_sha256", "fingerprint":
		return m.hex[:32]
	case "resource_record_name":
		return "_" + m.hex[:32] + ".mock."
	case "resource_record_value":
		return "_" + m.hex[32:64] + ".acm-validations.aws."
	case "arn_suffix":
		return strings.TrimPrefix(m.arn[strings.LastIndex(m.arn, ":")+1:], "loadbalancer/")
	}
	return ""
}

func (m *maker) address(name string) string {
	switch name {
	case "endpoint":
		switch {
		case m.kind == "aws_eks_cluster":
			return "https://" + strings.ToUpper(m.hex[:32]) + ".gr7." + m.region +
				".eks.amazonaws.com"
		case m.kind == "aws_db_instance":
			return fmt.Sprintf("%s:%d", m.host(), m.number("port"))
		}
		return m.host()
	case "reader_endpoint", "reader_endpoint_address":
		return strings.Replace(m.host(), ".cluster-", ".cluster-ro-", 1)
	case "address", "dns_name", "domain_name", "hostname", "primary_endpoint_address",
		"configuration_endpoint_address", "bucket_domain_name", "bucket_regional_domain_name",
		"regional_domain_name", "cloudfront_domain_name":
		return m.host()
	case "issuer", "oidc_issuer":
		return "https://oidc.eks." + m.region + ".amazonaws.com/id/" + strings.ToUpper(m.hex[:32])
	case "url", "queue_url", "repository_url", "function_url", "invoke_url", "api_endpoint":
		switch {
		case strings.Contains(m.kind, "sqs"):
			return m.queueURL()
		case strings.Contains(m.kind, "ecr"):
			return m.account + ".dkr.ecr." + m.region + ".amazonaws.com/" + m.label
		case strings.Contains(m.kind, "apigatewayv2"):
			return "https://" + m.id + ".execute-api." + m.region + ".amazonaws.com"
		}
		return "https://" + m.host() + "/"
	}
	return ""
}

func (m *maker) bySuffix(name string) string {
	ends := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
	switch {
	case ends("arn"):
		thing := strings.TrimSuffix(strings.TrimSuffix(name, "arn"), "_")
		return "arn:aws:mock:" + m.region + ":" + m.account + ":" + thing + "/" + m.hex[:12]
	case ends("ip_address"), ends("_ip"):
		return fmt.Sprintf("10.0.%d.%d", m.hex[0], m.hex[1])
	case ends("_date"), ends("_at"), ends("_time"), ends("created"):
		return "2025-01-01T00:00:00Z"
	case ends("_id") && idPrefixes["aws_"+strings.TrimSuffix(name, "_id")] != "":
		return idPrefixes["aws_"+strings.TrimSuffix(name, "_id")] + m.hex[8:25]
	case ends("security_group_id"):
		return "sg-" + m.hex[8:25]
	case ends("route_table_id"):
		return "rtb-" + m.hex[9:26]
	case ends("network_acl_id"):
		return "acl-" + m.hex[10:27]
	case ends("network_interface_id"):
		return "eni-" + m.hex[11:28]
	case ends("_url"):
		return "https://" + m.host() + "/"
	}
	return ""
}

func (m *maker) queueURL() string {
	return "https://sqs." + m.region + ".amazonaws.com/" + m.account + "/" + m.label
}

// host makes a DNS name in the form that the service gives.
func (m *maker) host() string {
	label := strings.NewReplacer("_", "-", ".", "-", "/", "-").Replace(strings.ToLower(m.label))
	begins := func(prefix string) bool { return strings.HasPrefix(m.kind, prefix) }
	switch {
	case begins("aws_rds_cluster"), begins("aws_docdb"), begins("aws_neptune"):
		return label + ".cluster-" + m.hex[:12] + "." + m.region + ".rds.amazonaws.com"
	case begins("aws_db_"):
		return label + "." + m.hex[:12] + "." + m.region + ".rds.amazonaws.com"
	case begins("aws_elasticache"):
		return label + "." + m.hex[:6] + ".cache.amazonaws.com"
	case m.kind == "aws_lb":
		return label + "-" + m.hex[:9] + "." + m.region + ".elb.amazonaws.com"
	case begins("aws_cloudfront"):
		return "d" + m.hex[:13] + ".cloudfront.net"
	case begins("aws_s3_bucket"):
		return m.label + ".s3.amazonaws.com"
	}
	return label + "." + m.hex[:8] + "." + m.region + ".mock.internal"
}

// list makes the strings of a list or set.
func (m *maker) list(name string) []string {
	switch {
	case name == "availability_zones":
		return m.zones()
	case name == "availability_zone_ids":
		return zoneIDs
	case strings.HasSuffix(name, "cidr_blocks"):
		return []string{"10.0.0.0/24"}
	case !m.isNew && name == "ids":
		prefix := first(idPrefixes[strings.TrimSuffix(m.kind, "s")], "mock-")
		return []string{prefix + m.hex[0:17], prefix + m.hex[17:34], prefix + m.hex[34:51]}
	case strings.HasSuffix(name, "arns"):
		thing := strings.TrimSuffix(name, "_arns")
		return []string{"arn:aws:mock:" + m.region + ":" + m.account + ":" + thing + "/" + m.hex[:8]}
	}
	return []string{"mock-" + name}
}

// number makes a number: a port where it is one, else 1.
func (m *maker) number(name string) int64 {
	if name != "port" && !strings.HasSuffix(name, "_port") {
		return 1
	}
	engine := text(m.given, "engine")
	in := func(service string) bool { return strings.Contains(m.kind, service) }
	switch {
	case strings.Contains(engine, "postgres"):
		return 5432
	case strings.Contains(engine, "mysql"):
		return 3306
	case in("elasticache"), in("memorydb"):
		return 6379
	case in("redshift"):
		return 5439
	case in("docdb"):
		return 27017
	}
	return 443
}
