{{/* Names, labels, and what several objects have to agree on. */}}

{{- define "mixer-newrelic-adapter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of something beside the main objects: a list of the chart and what stands behind the name. */}}
{{- define "mixer-newrelic-adapter.beside" -}}
{{- $suffix := index . 1 -}}
{{- printf "%s-%s" (include "mixer-newrelic-adapter.fullname" (index . 0) | trunc (int (sub 62 (len $suffix))) | trimSuffix "-") $suffix -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mixer-newrelic-adapter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels that every object has beside its name and instance. */}}
{{- define "mixer-newrelic-adapter.moreLabels" -}}
app.kubernetes.io/part-of: mixer
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "mixer-newrelic-adapter.labels" -}}
{{ include "mixer-newrelic-adapter.selectorLabels" . }}
app.kubernetes.io/component: adapter
{{ include "mixer-newrelic-adapter.moreLabels" . }}
{{- end -}}

{{/* `annotations` of an object: a list of the chart and a map of its own ones. */}}
{{- define "mixer-newrelic-adapter.annotations" -}}
{{- with merge (dict) (index . 1) (index . 0).Values.commonAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mixer-newrelic-adapter.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag | toString) -}}
{{- end -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.secretName" -}}
{{- default (include "mixer-newrelic-adapter.fullname" .) .Values.authentication.secretNameOverride -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mixer-newrelic-adapter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The port at which pods listen. Behind a headless Service callers use it as it is. */}}
{{- define "mixer-newrelic-adapter.port" -}}
{{- if eq .Values.service.type "Headless" }}{{ .Values.service.port }}{{ else }}55912{{ end -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.host" -}}
{{- printf "%s.%s.svc.%s" (include "mixer-newrelic-adapter.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.address" -}}
{{- printf "dns:///%s:%d" (include "mixer-newrelic-adapter.host" .) (int .Values.service.port) -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.keyDirectory" -}}/var/run/secrets/newrelic{{- end -}}
{{- define "mixer-newrelic-adapter.caDirectory" -}}/var/run/secrets/newrelic-ca{{- end -}}
{{- define "mixer-newrelic-adapter.clientDirectory" -}}/var/run/secrets/newrelic-client{{- end -}}
{{- define "mixer-newrelic-adapter.tlsDirectory" -}}/var/run/secrets/mixer/tls{{- end -}}
{{- define "mixer-newrelic-adapter.spoolDirectory" -}}/var/spool/mixer{{- end -}}

{{/* The socket of SDS or of the Workload API. */}}
{{- define "mixer-newrelic-adapter.socket" -}}
{{- .Values.tls.sds | default .Values.tls.workloadApi -}}
{{- end -}}

{{- define "mixer-newrelic-adapter.tls" -}}
{{- with .Values.tls -}}
{{- if gt (len (compact (list .secretName .sds .workloadApi))) 1 -}}
{{- fail "tls.secretName, tls.sds and tls.workloadApi: give one of them" -}}
{{- end -}}
{{- if or .secretName .sds .workloadApi }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* What of the telemetry holds in the end, as YAML: metrics, traces, logs, rules. */}}
{{- define "mixer-newrelic-adapter.telemetry" -}}
{{- $of := .Files.Get "files/telemetry.yaml" | fromYaml -}}
{{- if eq .Values.compatibility "original" -}}
{{- $original := .Files.Get "files/original.yaml" | fromYaml -}}
{{- $of = mergeOverwrite (omit $of "traces") $original -}}
{{- end -}}
{{- $all := pick $of "metrics" "traces" "logs" "rules" -}}
{{- if .Values.telemetry.tracing.enabled -}}
{{- $all = mergeOverwrite $all $of.tracing -}}
{{- end -}}
{{- if .Values.telemetry.errorLog.enabled -}}
{{- $all = mergeOverwrite $all $of.errorLog -}}
{{- end -}}
{{- $all = mergeOverwrite $all (deepCopy (pick .Values.telemetry "metrics" "traces" "logs" "rules")) -}}
{{- range $kind, $entries := $all -}}
{{- range $name, $entry := $entries -}}
{{- if not $entry }}{{ $_ := unset (index $all $kind) $name }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* Name of the resource `adapter`. */}}
{{- define "mixer-newrelic-adapter.adapterName" -}}
{{- if eq .Values.compatibility "original" }}newrelic{{ else }}{{ include "mixer-newrelic-adapter.fullname" . }}{{ end -}}
{{- end -}}

{{/* Name of the resource `template`: a list of the chart and the template. */}}
{{- define "mixer-newrelic-adapter.templateName" -}}
{{- if (index . 0).Values.telemetry.templates.create -}}
{{- include "mixer-newrelic-adapter.beside" . -}}
{{- else -}}
{{- index . 1 -}}
{{- end -}}
{{- end -}}

{{/* Ports of TCP that may be called, as a list in JSON: those of the values, and those of URLs and proxies. */}}
{{- define "mixer-newrelic-adapter.egressPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egress.tcpPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- range compact (list .Values.metricsHost .Values.spansHost .Values.logsHost .Values.proxy.http .Values.proxy.https) -}}
{{- $url := urlParse (ternary . (printf "http://%s" .) (contains "://" .)) -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- $ports = append $ports (int (default (ternary "443" "80" (eq $url.scheme "https")) $port)) -}}
{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end -}}
