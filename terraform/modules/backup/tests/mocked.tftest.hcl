# Applied under mocks: how the parts refer to each other.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mocked" }
  }
  mock_resource "aws_backup_vault" {
    defaults = { arn = "arn:aws:backup:eu-west-1:111122223333:backup-vault:mocked" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/mocked" }
  }
}

variables {
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "each_plan_finds_its_stores_by_their_tag" {
  assert {
    condition = alltrue([
      for key, selection in aws_backup_selection.this :
      selection.plan_id == aws_backup_plan.this[key].id && selection.iam_role_arn == aws_iam_role.backup.arn && alltrue([
        for condition in selection.condition :
        { for tag in condition.string_equals : tag.key => tag.value } == {
          "aws:ResourceTag/cloudcafe.dev/backup"  = key
          "aws:ResourceTag/cloudcafe.dev/part-of" = "cloudcafe"
        }
      ])
    ])
    error_message = "A plan selects what is tagged for it and is the cafe's, with both tags."
  }
  assert {
    condition     = alltrue([for rule in aws_backup_plan.this["copied"].rule : alltrue([for copy in rule.copy_action : copy.destination_vault_arn == aws_backup_vault.copies.arn])])
    error_message = "Copies go to the vault of the second Region."
  }
  assert {
    condition     = aws_backup_vault.copies.kms_key_arn == aws_kms_key.copies.arn && output.copy_kms_key_arn == aws_kms_key.copies.arn
    error_message = "Copies lie under the key of their Region, which is also told to what copies itself."
  }
  assert {
    condition     = alltrue([for selection in aws_backup_restore_testing_selection.this : selection.restore_testing_plan_name == output.restore_testing_plan_name && selection.iam_role_arn == output.role_arn])
    error_message = "Trials belong to the plan, and run as AWS Backup does."
  }
  assert {
    condition = alltrue(flatten([
      for selection in aws_backup_restore_testing_selection.this : [
        for condition in selection.protected_resource_conditions : contains([for tag in condition.string_equals : tag.key], "aws:ResourceTag/cloudcafe.dev/part-of")
      ]
    ]))
    error_message = "What is not the cafe's is not restored for trial."
  }
  assert {
    condition     = toset(keys(output.plan_ids)) == toset(["copied", "local"])
    error_message = "Plans by the tag's value."
  }
  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.copies.statement : alltrue([for action in statement.actions : !strcontains(action, "*")])])
    error_message = "The key's policy names what it allows."
  }
}
