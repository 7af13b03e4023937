# The whole environment: made, its outputs looked at, and destroyed again by terraform test.

variables {
  domain               = "cafe.example.com"
  hosted_zone_id       = "Z0123456789ABCDEFGHIJ"
  payment_provider_url = "https://payments.example.com"
  administrators       = { ops = "arn:aws:iam::111122223333:role/ops" }
  emails               = ["cafe@example.com"]
  image_tags           = { order = "a1", analytics-worker = "a1", loyalty = "a1" }
  package_path         = "./versions.tf" # any file stands for the package
}

run "stands" {
  assert {
    condition     = output.chart_values.elsewhere["analytics-worker"].host == "analytics-worker.cloudcafe.internal"
    error_message = "The chart is told where the analytics worker runs."
  }

  assert {
    condition     = length(output.chart_values.data_tier_cidrs) == 3 && output.chart_values.region == "eu-west-1"
    error_message = "The chart is told where the data tier is."
  }

  assert {
    condition     = output.deploy.analytics_task != null && endswith(output.deploy.repositories["order"], "cloudcafe/order")
    error_message = "make deploy is told where images go and what runs the migrations."
  }

  assert {
    condition     = output.urls.customers == "https://cafe.example.com"
    error_message = "Customers come to the domain."
  }
}

run "refuses_backups_beside_what_they_save_and_a_cluster_without_people" {
  command = plan

  variables {
    backup_region  = "eu-west-1"
    administrators = { me = "arn:aws:sts::111122223333:assumed-role/ops/me" }
  }

  expect_failures = [var.backup_region, var.administrators]
}
