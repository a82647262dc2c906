{{/* Names, labels, and what several templates need. */}}

{{- define "tailrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* At most 50 characters: a StatefulSet's pods append their number and a hash. */}}
{{- define "tailrace.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "tailrace.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tailrace.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What a StatefulSet selects by never changes, so no version is among it. */}}
{{- define "tailrace.selector" -}}
app.kubernetes.io/name: {{ include "tailrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tailrace.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "tailrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tailrace.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "tailrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tailrace.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "tailrace.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.tls.existingSecret)) }}
{{- end }}

{{/* What cannot work is refused here, with the way out. What has the wrong form is refused by the schema. */}}
{{- define "tailrace.check" -}}
{{- if not .Values.nats.url }}
{{- fail "nats.url is missing: the address of the broker, such as nats://nats.nats:4222" }}
{{- end }}
{{- if not .Values.operatorToken.existingSecret }}
{{- fail (printf "operatorToken.existingSecret is missing. Make one: kubectl --namespace %s create secret generic tailrace-operator --from-literal=token=\"$(openssl rand -hex 32)\"" .Release.Namespace) }}
{{- end }}
{{- $logins := 0 }}
{{- range list .Values.nats.credentials .Values.nats.password .Values.nats.token }}
{{- if .existingSecret }}{{ $logins = add1 $logins }}{{ end }}
{{- end }}
{{- if gt (int $logins) 1 }}
{{- fail "nats: the engine logs in in one way only: credentials, password or token" }}
{{- end }}
{{- if ne (empty .Values.nats.password.user) (empty .Values.nats.password.existingSecret) }}
{{- fail "nats.password: user and existingSecret go together" }}
{{- end }}
{{- if le (int .Values.terminationGracePeriodSeconds) (add (int .Values.preStopSeconds) 37 | int) }}
{{- fail "terminationGracePeriodSeconds is too short: an engine needs up to 37 s after preStopSeconds to commit and to end" }}
{{- end }}
{{- range tuple "listen" "data-dir" "operator-token-file" }}
{{- if regexMatch (printf "(?m)^\\s*%s\\s*=" .) $.Values.config }}
{{- fail (printf "config: %s is set by this chart" .) }}
{{- end }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.public) (not .Values.metrics.serviceMonitor.tokenSecret.name) }}
{{- fail "metrics.serviceMonitor: /metrics wants a token. Name its Secret in metrics.serviceMonitor.tokenSecret, or set metrics.public" }}
{{- end }}
{{- end }}

{{/*
Secrets beside the operator's token: where they are mounted, and which key is which file. Without a path all keys are
files. A Secret that is mounted as a folder is renewed in the running pod.
*/}}
{{- define "tailrace.secrets" -}}
{{- range list .Values.nats.credentials .Values.nats.password .Values.nats.token }}
{{- if .existingSecret }}
- { name: nats-login, secret: {{ .existingSecret | quote }}, key: {{ .key | quote }}, path: login }
{{- end }}
{{- end }}
{{- with .Values.nats.tls.ca }}
{{- if .existingSecret }}
- { name: nats-ca, secret: {{ .existingSecret | quote }}, key: {{ .key | quote }}, path: ca.crt }
{{- end }}
{{- end }}
{{- with .Values.nats.tls.client.existingSecret }}
- { name: nats-client, secret: {{ . | quote }} }
{{- end }}
{{- with .Values.nats.accountsSecret }}
- { name: nats-accounts, secret: {{ . | quote }} }
{{- end }}
{{- with .Values.tls.existingSecret }}
- { name: tls, secret: {{ . | quote }} }
{{- end }}
{{- end }}
