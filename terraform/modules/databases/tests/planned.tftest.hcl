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
  security_group_ids  = { aurora = "sg-0aaaaaaaaaaaaaaa0", documentdb = "sg-0bbbbbbbbbbbbbbb0", redshift = "sg-0ccccccccccccccc0" }
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "the_full_profile_is_safe_by_default" {
  command = plan

  # aurora
  assert {
    condition = (
      aws_rds_cluster.aurora.cluster_identifier == "cloudcafe" && aws_rds_cluster.aurora.engine == "aurora-postgresql" &&
      aws_rds_cluster.aurora.database_name == "cafe" && aws_rds_cluster.aurora.master_username == "cafe"
    )
    error_message = "The order service looks for the database cafe as cafe; experiments look for the cluster cloudcafe."
  }
  assert {
    condition     = aws_rds_cluster.aurora.tags["cloudcafe.dev/rush"] == "0.5" && aws_rds_cluster.aurora.serverlessv2_scaling_configuration[0].min_capacity == 0.5
    error_message = "The operator learns the floor from the tag: ahead of rushes it raises it, and never goes below."
  }
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.tags["cloudcafe.dev/rush"] == "0"])
    error_message = "The operator warms up what is tagged."
  }
  assert {
    condition     = toset([for instance in aws_rds_cluster_instance.aurora : instance.identifier]) == toset(["cloudcafe-1", "cloudcafe-2"])
    error_message = "Two instances: a writer, and one to fail over to."
  }
  assert {
    condition     = alltrue([for instance in aws_rds_cluster_instance.aurora : instance.instance_class == "db.serverless" && instance.promotion_tier <= 1])
    error_message = "Both are serverless, and grow together."
  }
  assert {
    condition     = alltrue([for instance in aws_rds_cluster_instance.aurora : instance.auto_minor_version_upgrade])
    error_message = "Where no minor is named, AWS upgrades them."
  }
  assert {
    condition     = aws_rds_cluster.aurora.manage_master_user_password && aws_rds_cluster.aurora.master_password == null && aws_rds_cluster.aurora.master_user_secret_kms_key_id == var.kms_key_arns.data
    error_message = "RDS makes and keeps the password, under our key."
  }
  assert {
    condition     = aws_rds_cluster.aurora.iam_database_authentication_enabled && aws_rds_cluster.aurora.storage_encrypted && aws_rds_cluster.aurora.kms_key_id == var.kms_key_arns.data
    error_message = "Aurora is encrypted, and takes IAM identities."
  }
  assert {
    condition     = contains([for parameter in aws_rds_cluster_parameter_group.aurora.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "Aurora refuses who comes without TLS."
  }
  assert {
    condition     = aws_rds_cluster_parameter_group.aurora.family == "aurora-postgresql16"
    error_message = "The parameter group is of the engine's major version."
  }
  assert {
    condition     = aws_appautoscaling_target.aurora_readers.min_capacity == 1 && aws_appautoscaling_target.aurora_readers.max_capacity == 4
    error_message = "One reader always, four at most."
  }

  # dynamodb
  assert {
    condition     = { for key, table in aws_dynamodb_table.this : key => table.name } == { inventory = "cloudcafe-inventory", orders = "cloudcafe-orders", payments = "cloudcafe-payments" }
    error_message = "The services look for these three tables."
  }
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this : table.hash_key == "pk" && table.range_key == "sk" &&
      { for attribute in table.attribute : attribute.name => attribute.type } == { pk = "S", sk = "S", ledgerPk = "S", ledgerSk = "S" }
    ])
    error_message = "Keys pk and sk, strings as the ledger's are."
  }
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this : alltrue([
        for index in table.global_secondary_index : index.name == "ledger" && index.projection_type == "ALL" &&
        [for key in index.key_schema : "${key.attribute_name} ${key.key_type}"] == ["ledgerPk HASH", "ledgerSk RANGE"]
      ]) && length(table.global_secondary_index) == 1
    ])
    error_message = "One index, ledger, with everything in it."
  }
  assert {
    condition     = { for key, table in aws_dynamodb_table.this : key => try(table.ttl[0].attribute_name, "") } == { inventory = "expiresAt", orders = "", payments = "" }
    error_message = "Only what inventory keeps expires."
  }
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled && table.deletion_protection_enabled &&
      table.server_side_encryption[0].enabled && table.server_side_encryption[0].kms_key_arn == var.kms_key_arns.data
    ])
    error_message = "Every table is encrypted, protected, and can be taken back to any second."
  }
  assert {
    condition     = length(aws_appautoscaling_policy.dynamodb) == 12
    error_message = "Read and write of three tables and their indexes scale."
  }
  assert {
    condition = (
      aws_appautoscaling_target.dynamodb["orders-index-write"].resource_id == "table/cloudcafe-orders/index/ledger" &&
      aws_appautoscaling_target.dynamodb["orders-index-write"].scalable_dimension == "dynamodb:index:WriteCapacityUnits"
    )
    error_message = "An index is scaled as an index: an index that throttles holds up its table."
  }

  # documentdb
  assert {
    condition     = aws_docdb_cluster.this.cluster_identifier != aws_rds_cluster.aurora.cluster_identifier && aws_docdb_cluster.this.engine_version == "5.0.0"
    error_message = "RDS and DocumentDB share one space of names."
  }
  assert {
    condition = toset([for parameter in aws_docdb_cluster_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"]) == toset([
      "tls=enabled", "audit_logs=enabled", "profiler=enabled", "profiler_threshold_ms=100"
    ])
    error_message = "DocumentDB speaks TLS only and keeps a record."
  }
  assert {
    condition     = aws_docdb_cluster.this.manage_master_user_password && aws_docdb_cluster.this.master_password == null && aws_docdb_cluster.this.storage_encrypted
    error_message = "DocumentDB makes and keeps the password."
  }

  # redshift
  assert {
    condition     = aws_redshift_cluster.this.manage_master_password && aws_redshift_cluster.this.master_password == null && tobool(aws_redshift_cluster.this.encrypted)
    error_message = "Redshift makes and keeps the password."
  }
  assert {
    condition     = aws_redshift_cluster.this.enhanced_vpc_routing && !aws_redshift_cluster.this.publicly_accessible && aws_redshift_cluster.this.cluster_type == "single-node"
    error_message = "Redshift's traffic stays in the VPC."
  }
  assert {
    condition     = contains([for parameter in aws_redshift_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "require_ssl=true")
    error_message = "Redshift refuses who comes without TLS."
  }
  assert {
    condition     = length(aws_redshift_snapshot_copy.this) == 0
    error_message = "No copy unless a Region is named."
  }

  # all
  assert {
    condition     = aws_rds_cluster.aurora.deletion_protection && aws_docdb_cluster.this.deletion_protection && !aws_redshift_cluster.this.skip_final_snapshot
    error_message = "Nothing goes by mistake, or without a last snapshot."
  }
  assert {
    condition = (
      aws_rds_cluster.aurora.tags_all["cloudcafe.dev/backup"] == "copied" && aws_docdb_cluster.this.tags_all["cloudcafe.dev/backup"] == "copied" &&
      aws_dynamodb_table.this["orders"].tags_all["cloudcafe.dev/backup"] == "copied" && aws_redshift_cluster.this.tags_all["cloudcafe.dev/backup"] == "local"
    )
    error_message = "The backup plans find each store by its tag."
  }
  assert {
    condition     = alltrue([for thing in [aws_rds_cluster.aurora.tags_all, aws_docdb_cluster.this.tags_all, aws_redshift_cluster.this.tags_all] : !contains(keys(thing), "cloudcafe.dev/chaos")])
    error_message = "The permission to break is asked for."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 90 && group.kms_key_id == var.kms_key_arns.logs]) && length(aws_cloudwatch_log_group.this) == 6
    error_message = "Six log groups end by themselves, under the key of logs."
  }
}

run "the_small_profile_can_be_broken_and_taken_down" {
  command = plan

  variables {
    chaos_allowed = true
    aurora        = { engine_version = "17.4", max_acu = 2, deletion_protection = false, availability_zones = ["eu-west-1a", "eu-west-1b"] }
    dynamodb      = { deletion_protection = false }
    documentdb    = { instances = 1, deletion_protection = false }
    redshift = {
      nodes               = 2
      deletion_protection = false
      snapshot_copy       = { region = "eu-central-1", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/copies" }
    }
  }

  assert {
    condition     = !aws_rds_cluster.aurora.deletion_protection && aws_rds_cluster.aurora.skip_final_snapshot && aws_docdb_cluster.this.skip_final_snapshot && aws_redshift_cluster.this.skip_final_snapshot
    error_message = "A destroy must not stop at protection, nor leave snapshots."
  }
  assert {
    condition     = !aws_dynamodb_table.this["orders"].deletion_protection_enabled
    error_message = "Nor at a table."
  }
  assert {
    condition     = toset([for instance in aws_rds_cluster_instance.aurora : instance.availability_zone]) == toset(["eu-west-1a", "eu-west-1b"])
    error_message = "Instances are spread over the zones that were named."
  }
  assert {
    condition     = aws_rds_cluster_parameter_group.aurora.family == "aurora-postgresql17"
    error_message = "The family follows the version."
  }
  assert {
    condition     = alltrue([for instance in aws_rds_cluster_instance.aurora : !instance.auto_minor_version_upgrade])
    error_message = "A minor that is named stays: or the next plan would ask for a downgrade."
  }
  assert {
    condition     = aws_redshift_cluster.this.cluster_type == "multi-node" && aws_redshift_snapshot_copy.this[0].destination_region == "eu-central-1" && aws_redshift_snapshot_copy_grant.this[0].region == "eu-central-1"
    error_message = "Snapshots are copied, by a grant over there."
  }
  assert {
    condition = alltrue([
      for thing in concat(
        [aws_rds_cluster.aurora.tags_all, aws_docdb_cluster.this.tags_all, aws_redshift_cluster.this.tags_all],
        [for table in aws_dynamodb_table.this : table.tags_all], [for instance in aws_rds_cluster_instance.aurora : instance.tags_all]
      ) : thing["cloudcafe.dev/chaos"] == "allowed"
    ])
    error_message = "The operator selects by the tag."
  }
}
