package main

import "strings"

// How the ids of a kind begin.
var idPrefixes = map[string]string{
	"aws_vpc": "vpc-", "aws_default_vpc": "vpc-", "aws_subnet": "subnet-",
	"aws_security_group": "sg-", "aws_default_security_group": "sg-",
	"aws_internet_gateway": "igw-", "aws_egress_only_internet_gateway": "eigw-",
	"aws_nat_gateway": "nat-", "aws_eip": "eipalloc-", "aws_route_table": "rtb-",
	"aws_default_route_table": "rtb-", "aws_route_table_association": "rtbassoc-",
	"aws_route": "r-rtb-", "aws_network_acl": "acl-", "aws_default_network_acl": "acl-",
	"aws_vpc_endpoint": "vpce-", "aws_launch_template": "lt-", "aws_instance": "i-",
	"aws_ami": "ami-", "aws_ebs_volume": "vol-", "aws_ebs_snapshot": "snap-", "aws_flow_log": "fl-",
	"aws_network_interface": "eni-", "aws_vpc_security_group_ingress_rule": "sgr-",
	"aws_vpc_security_group_egress_rule": "sgr-", "aws_security_group_rule": "sgrule-",
	"aws_vpc_peering_connection": "pcx-", "aws_vpc_dhcp_options": "dopt-",
	"aws_vpc_endpoint_service": "vpce-svc-", "aws_ec2_managed_prefix_list": "pl-",
	"aws_prefix_list": "pl-", "aws_efs_file_system": "fs-", "aws_placement_group": "pg-",
	"aws_vpclattice_service_network": "sn-", "aws_vpclattice_service": "svc-",
	"aws_vpclattice_target_group": "tg-", "aws_vpclattice_listener": "listener-",
	"aws_vpclattice_service_network_vpc_association":     "snva-",
	"aws_vpclattice_service_network_service_association": "snsa-",
}

// Kinds whose id is a UUID.
var idIsUUID = map[string]bool{
	"aws_kms_key": true, "aws_wafv2_web_acl": true, "aws_wafv2_ip_set": true,
	"aws_wafv2_rule_group": true, "aws_wafv2_regex_pattern_set": true,
	"aws_lambda_event_source_mapping": true, "aws_backup_plan": true,
	"aws_cloudfront_cache_policy": true, "aws_cloudfront_origin_request_policy": true,
	"aws_cloudfront_response_headers_policy": true, "aws_service_discovery_service": true,
}

// Kinds whose id is their ARN.
var idIsARN = map[string]bool{
	"aws_lb": true, "aws_lb_listener": true, "aws_lb_target_group": true,
	"aws_lb_listener_rule": true, "aws_sns_topic": true, "aws_sns_topic_subscription": true,
	"aws_acm_certificate": true, "aws_sfn_state_machine": true, "aws_ecs_cluster": true,
	"aws_ecs_service": true, "aws_iam_policy": true, "aws_secretsmanager_secret": true,
	"aws_kinesis_stream": true, "aws_iam_openid_connect_provider": true, "aws_cloudtrail": true,
	"aws_kinesis_firehose_delivery_stream": true, "aws_vpclattice_listener_rule": true,
	"aws_ecs_capacity_provider": true,
}

// The ARNs of a kind after "arn:aws:"; `filledIn` says what the braces mean.
var arns = map[string]string{
	"aws_s3_bucket":                        "s3:::{name}",
	"aws_iam_role":                         "iam::{account}:role{path}{name}",
	"aws_iam_policy":                       "iam::{account}:policy{path}{name}",
	"aws_iam_user":                         "iam::{account}:user{path}{name}",
	"aws_iam_group":                        "iam::{account}:group{path}{name}",
	"aws_iam_instance_profile":             "iam::{account}:instance-profile{path}{name}",
	"aws_iam_openid_connect_provider":      "iam::{account}:oidc-provider/{url}",
	"aws_lambda_function":                  "lambda:{here}:function:{name}",
	"aws_lambda_layer_version":             "lambda:{here}:layer:{layer}:1",
	"aws_sqs_queue":                        "sqs:{here}:{name}",
	"aws_sns_topic":                        "sns:{here}:{name}",
	"aws_sns_topic_subscription":           "sns:{here}:{name}:{uuid}",
	"aws_dynamodb_table":                   "dynamodb:{here}:table/{name}",
	"aws_rds_cluster":                      "rds:{here}:cluster:{name}",
	"aws_docdb_cluster":                    "rds:{here}:cluster:{name}",
	"aws_db_instance":                      "rds:{here}:db:{name}",
	"aws_rds_cluster_instance":             "rds:{here}:db:{name}",
	"aws_db_subnet_group":                  "rds:{here}:subgrp:{name}",
	"aws_db_parameter_group":               "rds:{here}:pg:{name}",
	"aws_rds_cluster_parameter_group":      "rds:{here}:cluster-pg:{name}",
	"aws_kms_key":                          "kms:{here}:key/{uuid}",
	"aws_kms_alias":                        "kms:{here}:{name}",
	"aws_eks_cluster":                      "eks:{here}:cluster/{name}",
	"aws_lb":                               "elasticloadbalancing:{here}:loadbalancer/{lb}/{name}/{hex16}",
	"aws_lb_target_group":                  "elasticloadbalancing:{here}:targetgroup/{name}/{hex16}",
	"aws_cloudwatch_log_group":             "logs:{here}:log-group:{name}",
	"aws_cloudwatch_metric_alarm":          "cloudwatch:{here}:alarm:{name}",
	"aws_cloudwatch_event_rule":            "events:{here}:rule/{name}",
	"aws_cloudwatch_event_bus":             "events:{here}:event-bus/{name}",
	"aws_ecs_cluster":                      "ecs:{here}:cluster/{name}",
	"aws_ecs_service":                      "ecs:{here}:service/{name}",
	"aws_ecs_task_definition":              "ecs:{here}:task-definition/{name}:1",
	"aws_ecr_repository":                   "ecr:{here}:repository/{name}",
	"aws_secretsmanager_secret":            "secretsmanager:{here}:secret:{name}-{hex6}",
	"aws_ssm_parameter":                    "ssm:{here}:parameter/{bare}",
	"aws_sfn_state_machine":                "states:{here}:stateMachine:{name}",
	"aws_acm_certificate":                  "acm:{here}:certificate/{uuid}",
	"aws_cloudfront_distribution":          "cloudfront::{account}:distribution/{id}",
	"aws_wafv2_web_acl":                    "wafv2:{here}:{scope}/webacl/{name}/{uuid}",
	"aws_kinesis_stream":                   "kinesis:{here}:stream/{name}",
	"aws_kinesis_firehose_delivery_stream": "firehose:{here}:deliverystream/{name}",
	"aws_route53_zone":                     "route53:::hostedzone/{id}",
	"aws_guardduty_detector":               "guardduty:{here}:detector/{id}",
	"aws_autoscaling_group":                "autoscaling:{here}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}",
}

// Kinds whose ARN continues another's: the attribute with that one, and what becomes of it.
var childARNs = map[string]struct{ parent, from, to string }{
	"aws_lb_listener":            {"load_balancer_arn", ":loadbalancer/", ":listener/"},
	"aws_lb_listener_rule":       {"listener_arn", ":listener/", ":listener-rule/"},
	"aws_sns_topic_subscription": {"topic_arn", "", ""},
}

// makeARN makes an ARN in the form that the service gives; of kinds not in the table, in a like one.
func (m *maker) makeARN() string {
	if child, ok := childARNs[m.kind]; ok && text(m.given, child.parent) != "" {
		parent := strings.Replace(text(m.given, child.parent), child.from, child.to, 1)
		if m.kind == "aws_sns_topic_subscription" {
			return parent + ":" + m.uuid()
		}
		return parent + "/" + m.hex[:16]
	}
	form, ok := arns[m.kind]
	service, rest, isLong := strings.Cut(strings.TrimPrefix(m.kind, "aws_"), "_")
	if !isLong {
		rest = service
	}
	switch {
	case ok:
	case service == "vpclattice":
		form = "vpc-lattice:{here}:" + strings.ReplaceAll(rest, "_", "-") + "/{id}"
	case idPrefixes[m.kind] != "":
		short := strings.TrimPrefix(m.kind, "aws_")
		form = "ec2:{here}:" + strings.ReplaceAll(short, "_", "-") + "/{id}"
	default:
		form = service + ":{here}:" + strings.ReplaceAll(rest, "_", "-") + "/{name}"
	}
	return "arn:aws:" + m.filledIn(form)
}

func (m *maker) filledIn(form string) string {
	balancer := map[string]string{"network": "net", "gateway": "gwy"}
	scope := "regional"
	if text(m.given, "scope") == "CLOUDFRONT" {
		scope = "global"
	}
	return strings.NewReplacer(
		"{here}", m.region+":"+m.account, "{account}", m.account,
		"{name}", m.label, "{bare}", strings.TrimPrefix(m.label, "/"), "{id}", m.id,
		"{uuid}", m.uuid(), "{hex6}", m.hex[:6], "{hex16}", m.hex[:16],
		"{path}", first(text(m.given, "path"), "/"),
		"{url}", strings.TrimPrefix(text(m.given, "url"), "https://"),
		"{layer}", first(text(m.given, "layer_name"), m.label), "{scope}", scope,
		"{lb}", first(balancer[text(m.given, "load_balancer_type")], "app"),
	).Replace(form)
}

// makeID makes an id in the form that the service gives; otherwise the name.
func (m *maker) makeID() string {
	begins := func(prefix string) bool { return strings.HasPrefix(m.kind, prefix) }
	switch {
	case idPrefixes[m.kind] != "":
		return idPrefixes[m.kind] + m.hex[:17]
	case idIsUUID[m.kind]:
		return m.uuid()
	case m.kind == "aws_cloudfront_distribution", m.kind == "aws_cloudfront_function",
		m.kind == "aws_cloudfront_origin_access_control":
		return "E" + strings.ToUpper(m.hex[:13])
	case begins("aws_route53_zone"):
		return "Z" + strings.ToUpper(m.hex[:13])
	case m.kind == "aws_sqs_queue":
		return m.queueURL()
	case m.kind == "aws_guardduty_detector":
		return m.hex[:32]
	case begins("aws_apigatewayv2_"), begins("aws_api_gateway_"):
		return m.hex[:10]
	case begins("aws_eks_") && text(m.given, "cluster_name") != "":
		return text(m.given, "cluster_name") + ":" + first(
			text(m.given, "node_group_name"), text(m.given, "addon_name"),
			text(m.given, "fargate_profile_name"), m.hex[:12])
	case !m.isAWS():
		return m.hex[:20]
	}
	return m.label
}
