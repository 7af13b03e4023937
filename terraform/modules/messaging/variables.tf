variable "name" {
  description = "Prefix of every name; the services look for queues and streams that begin with it."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen."
  }
}

variable "chaos_allowed" {
  description = "Whether experiments may break the queues and streams (tags them cloudcafe.dev/chaos = allowed)."
  type        = bool
  default     = false
}

variable "kms_key_arns" {
  description = "Keys per data class, from the security module; messages lie under `messages`."
  type        = object({ data = string, messages = string, logs = string })

  validation {
    condition     = alltrue([for arn in values(var.kms_key_arns) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "kms_key_arns must be ARNs of KMS keys: an alias cannot be used where AWS grants by key."
  }
}

variable "payment_lambda_timeout_seconds" {
  description = "Timeout of the payment processor's Lambda; the visibility timeout of its queue is measured against it."
  type        = number
  default     = 45

  validation {
    condition     = var.payment_lambda_timeout_seconds >= 45 && var.payment_lambda_timeout_seconds <= 900
    error_message = "payment_lambda_timeout_seconds must be 45 to 900: a batch of ten slow charges takes most of 45 s, and AWS ends a Lambda after 900 s."
  }
}

variable "fifo_queues" {
  description = <<-EOT
    FIFO queues by what follows the prefix: `payments` becomes <name>-payments.fifo with its dead letters in <name>-payments-dlq.fifo.
    The consumers park poison themselves, so the highest max_receive_count is no danger: a message that waits out an outage, of the
    card provider or of what it is written to, is received about once a minute and must not end as a dead letter. A thousand receives
    are more than sixteen hours; a hundred would be an hour and a half.
  EOT
  type = map(object({
    visibility_timeout_seconds = optional(number, 300)
    max_receive_count          = optional(number, 1000)
  }))
  default = {
    payments        = {}
    payment-results = {}
  }

  validation {
    condition     = alltrue([for queue in keys(var.fifo_queues) : can(regex("^[a-z][a-z0-9-]*$", queue)) && !endswith(queue, "-dlq")])
    error_message = "fifo_queues are named without prefix and without -dlq or .fifo (both are added here), in lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for queue in keys(var.fifo_queues) : length("${var.name}-${queue}-dlq.fifo") <= 80])
    error_message = "A queue's name with prefix, -dlq and .fifo must not be longer than 80 characters."
  }

  validation {
    condition     = alltrue([for queue in var.fifo_queues : queue.visibility_timeout_seconds >= 60 && queue.visibility_timeout_seconds <= 43200])
    error_message = "visibility_timeout_seconds must be 60 to 43200 (12 hours): a consumer works up to a minute on a batch, and a message seen again meanwhile is paid twice as often."
  }

  validation {
    condition     = alltrue([for queue in var.fifo_queues : queue.max_receive_count >= 100 && queue.max_receive_count <= 1000])
    error_message = "max_receive_count must be 100 to 1000: each try during an outage of the card provider is a receive, and SQS counts to 1000."
  }
}

variable "parking_queues" {
  description = "Standard queues where the consumers of a stream park records that they could not read."
  type        = set(string)
  default     = ["loyalty-dlq", "analytics-dlq"]

  validation {
    condition     = alltrue([for queue in var.parking_queues : can(regex("^[a-z][a-z0-9-]*-dlq$", queue)) && length("${var.name}-${queue}") <= 80])
    error_message = "parking_queues must end with -dlq (never .fifo), in lower-case letters, digits and hyphens, at most 80 characters with the prefix."
  }
}

variable "queue_retention_days" {
  description = "How long an unread message is kept."
  type        = number
  default     = 4

  validation {
    condition     = var.queue_retention_days >= 1 && var.queue_retention_days <= 14
    error_message = "queue_retention_days must be 1 to 14: SQS keeps no message longer."
  }
}

variable "dead_letter_retention_days" {
  description = "How long a dead letter waits for somebody to look at it. A standard queue's clock runs from the first send, so it must exceed the queue's."
  type        = number
  default     = 14

  validation {
    condition     = var.dead_letter_retention_days <= 14 && var.dead_letter_retention_days > var.queue_retention_days
    error_message = "dead_letter_retention_days must be greater than queue_retention_days, and at most 14."
  }
}

variable "streams" {
  description = "Kinesis streams by what follows the prefix."
  type        = set(string)
  default     = ["order-events", "stock-events"]

  validation {
    condition     = alltrue([for stream in var.streams : can(regex("^[a-z][a-z0-9-]*$", stream)) && length("${var.name}-${stream}") <= 128])
    error_message = "streams are named without prefix in lower-case letters, digits and hyphens, at most 128 characters with the prefix."
  }
}

variable "stream_capacity" {
  description = "How the streams scale: ON_DEMAND (AWS adds shards by itself), or PROVISIONED with a fixed number of shards, which is cheaper where little happens."
  type = object({
    mode   = optional(string, "ON_DEMAND")
    shards = optional(number)
  })
  default = {}

  validation {
    condition     = contains(["ON_DEMAND", "PROVISIONED"], var.stream_capacity.mode)
    error_message = "stream_capacity.mode must be ON_DEMAND or PROVISIONED."
  }

  validation {
    condition     = var.stream_capacity.mode != "PROVISIONED" || try(var.stream_capacity.shards >= 1 && var.stream_capacity.shards <= 200, false)
    error_message = "A PROVISIONED stream needs 1 to 200 shards (a Region's first quota is 200)."
  }

  validation {
    condition     = var.stream_capacity.mode != "ON_DEMAND" || var.stream_capacity.shards == null
    error_message = "An ON_DEMAND stream takes no shards: AWS counts them."
  }
}

variable "stream_retention_hours" {
  description = "How long a record can be read again: what a consumer may lag behind without losing anything."
  type        = number
  default     = 168

  validation {
    condition     = var.stream_retention_hours >= 24 && var.stream_retention_hours <= 8760
    error_message = "stream_retention_hours must be 24 to 8760 (a year)."
  }
}
