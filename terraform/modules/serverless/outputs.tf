output "function_name" {
  description = "The payment processor's function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "The payment processor's ARN."
  value       = aws_lambda_function.this.arn
}

output "api_id" {
  description = "The API of the callback."
  value       = aws_apigatewayv2_api.this.id
}

output "callback_url" {
  description = "What the card provider is told to call."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/provider/callbacks"
}

output "log_group_names" {
  description = "Log groups of the function and of the API."
  value       = [aws_cloudwatch_log_group.function.name, aws_cloudwatch_log_group.api.name]
}
