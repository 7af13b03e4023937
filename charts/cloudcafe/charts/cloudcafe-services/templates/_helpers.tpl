{{/* A service's values over the defaults, as YAML: (dict "root" $ "name" "order"). */}}
{{- define "cloudcafe-services.service" -}}
{{- $own := get .root.Values.services .name }}
{{- $service := mustMergeOverwrite (deepCopy .root.Values.defaults) (deepCopy $own) }}
{{- $known := concat (list "aws" "database" "documentdb") (keys .root.Values.services) | sortAlpha }}
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
{{ include "cloudcafe-services.databaseEnvironment" $.root }}
{{- else if eq . "documentdb" }}
- name: CAFE_DOCUMENTDB_URL
  valueFrom: {secretKeyRef: {name: {{ $values.documentdb.secret }}, key: url}}
{{- else }}
- name: CAFE_{{ . | upper | replace "-" "_" }}_URL
  value: http://{{ . }}:8080
{{- end }}
{{- end }}
{{- range $name, $value := .service.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "cloudcafe-services.databaseEnvironment" -}}
{{- $database := .Values.database }}
- name: CAFE_DATABASE_HOST
  value: {{ $database.host | default "aurora" }}
- name: CAFE_DATABASE_PORT
  value: {{ $database.port | quote }}
- name: CAFE_DATABASE_NAME
  value: {{ $database.name }}
- name: CAFE_DATABASE_USER
  valueFrom: {secretKeyRef: {name: {{ $database.secret }}, key: username}}
- name: CAFE_DATABASE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $database.secret }}, key: password}}
{{- end }}
