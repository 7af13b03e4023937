# Run by `python -m dev.terraform lint` in every folder. tflint's AWS ruleset is a plugin that it
# downloads when it starts, which is why it is not used here.
config {
  call_module_type = "none"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}
