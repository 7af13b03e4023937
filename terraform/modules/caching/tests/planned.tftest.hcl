# Planned by a provider that reaches no AWS: what is asserted is what the module asks for.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  database_subnet_ids = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_ids  = { elasticache = "sg-0aaaaaaaaaaaaaaa0", memorydb = "sg-0bbbbbbbbbbbbbbb0" }
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "caches_are_encrypted_and_fail_over" {
  command = plan

  # elasticache
  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "A replica in another Availability Zone takes over."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "ElastiCache refuses who comes without TLS."
  }
  assert {
    condition     = tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled) && aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arns.data
    error_message = "What ElastiCache writes down lies under our key."
  }
  assert {
    condition     = aws_elasticache_parameter_group.this.family == "valkey8" && aws_elasticache_user_group.this.user_ids == toset(["cloudcafe"])
    error_message = "The family follows the version, and there is one user."
  }
  assert {
    condition     = toset([for delivery in aws_elasticache_replication_group.this.log_delivery_configuration : delivery.log_type]) == toset(["engine-log", "slow-log"])
    error_message = "Both logs are kept."
  }

  # memorydb
  assert {
    condition     = aws_memorydb_cluster.this.num_shards == 1 && aws_memorydb_cluster.this.num_replicas_per_shard == 1
    error_message = "One shard, as the client is a plain one, and a replica."
  }
  assert {
    condition     = aws_memorydb_cluster.this.tls_enabled && aws_memorydb_cluster.this.kms_key_arn == var.kms_key_arns.data && aws_memorydb_cluster.this.acl_name == "cloudcafe"
    error_message = "MemoryDB speaks TLS to a user with a password, and writes under our key."
  }
  assert {
    condition     = aws_memorydb_acl.this.user_names == toset(["cloudcafe"])
    error_message = "Nobody but the one user; above all not default."
  }

  # both
  assert {
    condition     = { for key, secret in aws_secretsmanager_secret.this : key => secret.name } == { elasticache = "cloudcafe-platform/elasticache", memorydb = "cloudcafe-platform/memorydb" }
    error_message = "The secrets lie outside cloudcafe/*, which the operator may delete."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.kms_key_arns.data])
    error_message = "Secrets lie under the key of data."
  }
  assert {
    condition     = strcontains(local.access, "-@admin") && strcontains(local.access, "-@dangerous")
    error_message = "A client may not stop or configure the server, nor empty the points' one."
  }
  assert {
    condition     = local.cache_access == "${local.access} +flushdb"
    error_message = "The menu service empties its cache itself: AWS cannot."
  }
  assert {
    condition     = !contains(keys(aws_elasticache_replication_group.this.tags_all), "cloudcafe.dev/chaos") && !contains(keys(aws_memorydb_cluster.this.tags_all), "cloudcafe.dev/chaos")
    error_message = "The permission to break is asked for."
  }
}

run "the_small_profile_can_be_broken_and_taken_down" {
  command = plan

  variables {
    chaos_allowed        = true
    secret_recovery_days = 0
    elasticache          = { engine_version = "7.2", snapshot_days = 0 }
    memorydb             = { deletion_protection = false, snapshot_days = 0 }
  }

  assert {
    condition     = aws_elasticache_replication_group.this.tags_all["cloudcafe.dev/chaos"] == "allowed" && aws_memorydb_cluster.this.tags_all["cloudcafe.dev/chaos"] == "allowed"
    error_message = "The operator selects by the tag."
  }
  assert {
    condition     = aws_memorydb_cluster.this.final_snapshot_name == null && alltrue([for secret in aws_secretsmanager_secret.this : secret.recovery_window_in_days == 0])
    error_message = "A destroy leaves nothing that would be in the way of the next apply."
  }
  assert {
    condition     = aws_elasticache_parameter_group.this.family == "valkey7"
    error_message = "The family follows the version."
  }
}
