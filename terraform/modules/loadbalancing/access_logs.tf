# Who asked for what, of both load balancers. An ALB writes to buckets encrypted with S3's own keys only; a network load
# balancer's logs come by another service, which also looks at the bucket first.

module "access_logs" {
  source = "../log-bucket"

  name          = "${var.name}-elb-logs-${local.account}-${local.region}"
  days          = var.access_log_days
  force_destroy = var.force_destroy

  writers = [
    {
      sid     = "ApplicationLoadBalancerWrites"
      service = "logdelivery.elasticloadbalancing.amazonaws.com"
      objects = "alb/AWSLogs/${local.account}/*"
      only    = { test = "ArnLike", variable = "aws:SourceArn", value = "arn:${local.partition}:elasticloadbalancing:${local.region}:${local.account}:loadbalancer/app/${var.name}-alb/*" }
    },
    {
      sid     = "NetworkLoadBalancerWrites"
      service = "delivery.logs.amazonaws.com"
      objects = "nlb/AWSLogs/${local.account}/*"
      only    = { test = "StringEquals", variable = "aws:SourceAccount", value = local.account }
    },
    {
      sid     = "NetworkLoadBalancerLooks"
      service = "delivery.logs.amazonaws.com"
      action  = "s3:GetBucketAcl"
      only    = { test = "StringEquals", variable = "aws:SourceAccount", value = local.account }
    },
  ]
}
