"""The CloudCafe operator: reconciles stores and runs chaos experiments."""
