# What the services say to each other without waiting: orders to payments and back by FIFO queues (one group per order), and what
# happened by two streams. The names are the services' defaults; localaws/src/localaws/seeds.py makes the same on a laptop.

locals {
  chaos_tags = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}

  day_seconds = 86400

  # a batch that Lambda could not finish, throttled and retried, must still be its own
  lambda_timeouts            = { payments = var.payment_lambda_timeout_seconds }
  visibility_per_lambda_time = 6
}
