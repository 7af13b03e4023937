{{/*
Who may talk to whom, as a table. A row: pods with the label access.cloudcafe.dev/<ticket> may open
connections to `port` of the pods named `to`, or of the addresses in `cidrs`. Ports are the pods',
not the Services': policies are judged after a Service's address has been translated.
*/}}
{{- define "cloudcafe.ways" -}}
{{- $policies := .Values.global.networkPolicies }}
{{- range include "cloudcafe.serviceNames" . | fromYamlArray }}
- {ticket: {{ . }}, to: {{ . }}, port: 8080}
- {ticket: admin, to: {{ . }}, port: 9090}
{{- end }}
{{- range $name, $place := index .Values "cloudcafe-services" "elsewhere" }}
- {ticket: {{ $name }}, cidrs: {{ $place.cidrs | toJson }}, port: 8080}
{{- end }}
{{- if .Values.global.embedded }}
- {ticket: database, to: toxiproxy, port: 5432}
- {ticket: postgresql, to: postgresql, port: 5432}
- {ticket: redshift, to: toxiproxy, port: 5439}
- {ticket: elasticache, to: toxiproxy, port: 6379}
- {ticket: memorydb, to: toxiproxy, port: 6380}
- {ticket: documentdb, to: toxiproxy, port: 27017}
- {ticket: redis, to: redis-elasticache, port: 6379}
- {ticket: redis, to: redis-memorydb, port: 6379}
- {ticket: mongodb, to: documentdb, port: 27017}
- {ticket: payment-provider, to: payment-provider, port: 8080}
- {ticket: toxiproxy, to: toxiproxy, port: 8474}
- {ticket: aws, to: localaws, port: 4566}
# the edge: the doors of customers, of tills, and of the card provider
- {ticket: edge, to: localaws, port: 8480}
- {ticket: edge, to: localaws, port: 8481}
- {ticket: edge, to: localaws, port: 8482}
{{- else }}
{{- $services := index .Values "cloudcafe-services" }}
{{- $cidrs := $policies.dataTierCidrs | toJson }}
- {ticket: database, cidrs: {{ $cidrs }}, port: {{ $services.database.port }}}
- {ticket: documentdb, cidrs: {{ $cidrs }}, port: {{ $services.documentdb.port }}}
- {ticket: redshift, cidrs: {{ $cidrs }}, port: {{ $services.redshift.port }}}
- {ticket: elasticache, cidrs: {{ $cidrs }}, port: {{ $services.elasticache.port }}}
- {ticket: memorydb, cidrs: {{ $cidrs }}, port: {{ $services.memorydb.port }}}
# the card provider is somewhere on the internet
{{- $port := (urlParse $services.paymentProvider.url).host | regexFind ":[0-9]+$" | trimPrefix ":" | default "443" }}
- {ticket: payment-provider, cidrs: [0.0.0.0/0], port: {{ $port }}}
# AWS APIs have no fixed addresses
- {ticket: aws, cidrs: [0.0.0.0/0], port: 443}
# the EKS Pod Identity agent
- {ticket: aws, cidrs: [169.254.170.23/32], port: 80}
{{- end }}
{{- range $policies.kubernetesPorts }}
- {ticket: kubernetes, cidrs: {{ $policies.kubernetesCidrs | toJson }}, port: {{ . }}}
{{- end }}
{{- end }}

{{- define "cloudcafe.serviceNames" -}}
{{- index .Values "cloudcafe-services" "services" | keys | sortAlpha | toJson }}
{{- end }}

{{/*
One policy that allows: (dict "root" $ "policy" "dns" "pods" {labels} "ingress" [rules] or "egress" [rules]).
Policies only add up, so a partitioned pod is cut off by being selected by none of a direction's.
*/}}
{{- define "cloudcafe.allow" }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .policy }}
  labels: {{- include "cloudcafe.labels" (dict "root" .root "name" .policy) | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- toYaml .pods | nindent 6 }}
    matchExpressions:
      - {key: cloudcafe.dev/partition-{{ if .ingress }}ingress{{ else }}egress{{ end }}, operator: DoesNotExist}
  {{- with .ingress }}
  policyTypes: [Ingress]
  ingress: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .egress }}
  policyTypes: [Egress]
  egress: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
