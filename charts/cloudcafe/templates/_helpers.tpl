{{/*
What every template of this chart and its subcharts uses. Helm compiles them together, so a
subchart needs no copy; that is why none of them installs alone.
*/}}

{{/* Labels that select a pod. Call with (dict "root" $ "name" "order"). */}}
{{- define "cloudcafe.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: cloudcafe
{{- end }}

{{/* Labels of an object. Call like the selector. */}}
{{- define "cloudcafe.labels" -}}
{{ include "cloudcafe.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* The tickets of a pod through the network: (dict "access" (list "database" "aws")). */}}
{{- define "cloudcafe.access" -}}
{{- range .access | uniq | sortAlpha }}
access.cloudcafe.dev/{{ . }}: "true"
{{- end }}
{{- end }}

{{/* Image and pull policy of a container: (dict "root" $ "name" "order"). */}}
{{- define "cloudcafe.image" -}}
{{- $global := .root.Values.global }}
{{- $image := get $global.images .name | default dict }}
{{- $repository := $image.repository | default (printf "cloudcafe/%s" .name) }}
{{- $tag := $image.tag | default .root.Chart.AppVersion }}
{{- $digest := empty $image.digest | ternary "" (printf "@%s" $image.digest) }}
image: {{ list $global.imageRegistry (printf "%s:%s%s" $repository $tag $digest) | compact | join "/" | quote }}
imagePullPolicy: {{ $global.imagePullPolicy }}
{{- end }}

{{/*
Pod fields that all pods have: where they may run, and what makes the Pod Security Standard
`restricted` hold. Service links are off because a Service named `order` would put ORDER_PORT and
its like into every environment.
*/}}
{{- define "cloudcafe.pod" -}}
enableServiceLinks: false
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" }}
{{- with get $.Values.global $field }}
{{ $field }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* The container's part of the same. */}}
{{- define "cloudcafe.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Spread a Deployment's pods, each revision for itself: (dict "root" $ "name" "order"). */}}
{{- define "cloudcafe.spread" -}}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "cloudcafe.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* Environment of whatever calls AWS: the embedded one by address and key, the real one by role. */}}
{{- define "cloudcafe.awsEnvironment" -}}
- name: AWS_REGION
  value: {{ .Values.global.aws.region }}
{{- if .Values.global.embedded }}
- name: AWS_ENDPOINT_URL
  value: http://localaws:4566
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: cloudcafe-aws, key: access-key-id}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: cloudcafe-aws, key: secret-access-key}}
{{- end }}
{{- end }}

{{/* Environment of whatever calls the services' management APIs. */}}
{{- define "cloudcafe.serviceTokenEnvironment" -}}
- name: CAFE_SERVICE_TOKEN
  valueFrom: {secretKeyRef: {name: {{ .Values.global.serviceTokenSecret | default "cloudcafe-service-token" }}, key: token}}
{{- end }}

{{/*
A generated value that survives upgrades: (dict "root" $ "secret" "cloudcafe-database" "key" "password").
The cluster's own copy wins; `helm template`, and so GitOps, sees no cluster and makes a new one each
time: there global.databaseSecret and global.serviceTokenSecret name Secrets that stay.
*/}}
{{- define "cloudcafe.generated" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict }}
{{- get ($secret.data | default dict) .key | default (randAlphaNum 32 | b64enc) }}
{{- end }}
