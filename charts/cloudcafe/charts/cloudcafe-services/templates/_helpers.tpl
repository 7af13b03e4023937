{{/* A service's values over the defaults, as YAML: (dict "root" $ "name" "order"). */}}
{{- define "cloudcafe-services.service" -}}
{{- $own := get .root.Values.services .name }}
{{- $service := mustMergeOverwrite (deepCopy .root.Values.defaults) (deepCopy $own) }}
{{- $known := concat (list "aws" "database" "documentdb" "elasticache" "memorydb" "payment-provider" "redshift") (keys .root.Values.services) (keys .root.Values.elsewhere) | sortAlpha }}
{{- if gt (int $service.replicas.min) (int $service.replicas.max) }}
  {{- fail (printf "cloudcafe-services.services.%s.replicas: min %d is more than max %d; what a service does not say itself comes from cloudcafe-services.defaults.replicas" .name (int $service.replicas.min) (int $service.replicas.max)) }}
{{- end }}
{{- range $service.access }}
  {{- if not (has . $known) }}
    {{- fail (printf "cloudcafe-services.services.%s.access: there is no %q; choose among %s" $.name . (join ", " $known)) }}
  {{- end }}
{{- end }}
{{- toYaml $service }}
{{- end }}

{{/* Environment of a service: (dict "root" $ "service" $service). */}}
{{- define "cloudcafe-services.environment" -}}
{{- $values := .root.Values }}
- name: CAFE_LOG_LEVEL
  value: {{ $values.global.logLevel }}
{{ include "cloudcafe.serviceTokenEnvironment" .root }}
{{- range .service.access | uniq }}
{{- if eq . "aws" }}
{{ include "cloudcafe.awsEnvironment" $.root }}
{{- else if eq . "database" }}
{{ include "cloudcafe-services.storeEnvironment" (dict "prefix" "CAFE_DATABASE" "root" $.root "store" $values.database "endpoint" "aurora") }}
{{- else if eq . "documentdb" }}
- name: CAFE_DOCUMENTDB_URL
  valueFrom: {secretKeyRef: {name: {{ $values.documentdb.secret }}, key: url}}
{{- else if eq . "elasticache" }}
- name: CAFE_CACHE_URL
  valueFrom: {secretKeyRef: {name: {{ $values.elasticache.secret }}, key: url}}
{{- else if eq . "memorydb" }}
- name: CAFE_MEMORYDB_URL
  valueFrom: {secretKeyRef: {name: {{ $values.memorydb.secret }}, key: url}}
{{- else if eq . "redshift" }}
{{ include "cloudcafe-services.storeEnvironment" (dict "prefix" "CAFE_REDSHIFT" "root" $.root "store" $values.redshift "endpoint" "redshift") }}
{{- else if eq . "payment-provider" }}
- name: CAFE_PAYMENT_PROVIDER_URL
  value: {{ $values.paymentProvider.url | default "http://payment-provider:8080" }}
{{- else }}
- name: CAFE_{{ . | upper | replace "-" "_" }}_URL
  value: http://{{ . }}:8080
{{- end }}
{{- end }}
{{- $embedded := ternary .service.embeddedEnv dict $values.global.embedded }}
{{- range $name, $value := merge (dict) $embedded .service.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/*
The secrets of the stores that a service talks to, as a list of {variable, secret, key}: (dict "root" $ "service" $service).
They are mounted too, because AWS rotates them while pods run. A variable that the values set themselves is not among them.
*/}}
{{- define "cloudcafe-services.storeSecrets" -}}
{{- $values := .root.Values }}
{{- $all := dict
      "database" (dict "variable" "CAFE_DATABASE_PASSWORD" "secret" (include "cloudcafe-services.storeSecret" (dict "root" .root "store" $values.database)) "key" "password")
      "documentdb" (dict "variable" "CAFE_DOCUMENTDB_URL" "secret" $values.documentdb.secret "key" "url")
      "elasticache" (dict "variable" "CAFE_CACHE_URL" "secret" $values.elasticache.secret "key" "url")
      "memorydb" (dict "variable" "CAFE_MEMORYDB_URL" "secret" $values.memorydb.secret "key" "url")
      "redshift" (dict "variable" "CAFE_REDSHIFT_PASSWORD" "secret" (include "cloudcafe-services.storeSecret" (dict "root" .root "store" $values.redshift)) "key" "password") }}
{{- $mounted := list }}
{{- range .service.access | uniq }}
  {{- $secret := get $all . }}
  {{- if and $secret (not (hasKey $.service.env $secret.variable)) }}
    {{- $mounted = append $mounted $secret }}
  {{- end }}
{{- end }}
{{- $mounted | toYaml }}
{{- end }}

{{/* The Secret of a PostgreSQL-like store: (dict "root" $ "store" .Values.database). The embedded server has one for both. */}}
{{- define "cloudcafe-services.storeSecret" -}}
{{- ternary .store.secret (.root.Values.global.databaseSecret | default .store.secret) (not (empty .store.host)) }}
{{- end }}

{{/* Environment of such a store: (dict "prefix" "CAFE_DATABASE" "root" $ "store" .Values.database "endpoint" "aurora"). */}}
{{- define "cloudcafe-services.storeEnvironment" -}}
{{- $secret := include "cloudcafe-services.storeSecret" . }}
- name: {{ .prefix }}_HOST
  value: {{ .store.host | default .endpoint }}
- name: {{ .prefix }}_PORT
  value: {{ .store.port | quote }}
- name: {{ .prefix }}_NAME
  value: {{ .store.name }}
- name: {{ .prefix }}_USER
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: username}}
- name: {{ .prefix }}_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: password}}
{{- end }}
