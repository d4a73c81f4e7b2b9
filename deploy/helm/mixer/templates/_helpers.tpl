{{/* Names, labels, and what several objects have to agree on. */}}

{{- define "mixer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "mixer.fullname" -}}
{{- $name := default "mixs" .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of what belongs to no namespace: releases of one name may stand in several. */}}
{{- define "mixer.clusterName" -}}
{{- printf "%s-%s" (include "mixer.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Name of something beside the main objects: a list of the chart and what stands behind the name. */}}
{{- define "mixer.beside" -}}
{{- $suffix := index . 1 -}}
{{- printf "%s-%s" (include "mixer.fullname" (index . 0) | trunc (int (sub 62 (len $suffix))) | trimSuffix "-") $suffix -}}
{{- end -}}

{{- define "mixer.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mixer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels that every object has beside its name and instance. */}}
{{- define "mixer.moreLabels" -}}
app.kubernetes.io/part-of: mixer
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "mixer.labels" -}}
{{ include "mixer.selectorLabels" . }}
app.kubernetes.io/component: server
{{ include "mixer.moreLabels" . }}
{{- end -}}

{{/* `annotations` of an object: a list of the chart and a map of its own ones. */}}
{{- define "mixer.annotations" -}}
{{- with merge (dict) (index . 1) (index . 0).Values.commonAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mixer.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag | toString) -}}
{{- end -}}
{{- end -}}

{{- define "mixer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mixer.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mixer.host" -}}
{{- printf "%s.%s.svc.%s" (include "mixer.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- end -}}

{{- define "mixer.tlsDirectory" -}}/var/run/secrets/mixer/tls{{- end -}}
{{- define "mixer.spoolDirectory" -}}/var/spool/mixer{{- end -}}

{{/* The socket of SDS or of the Workload API. */}}
{{- define "mixer.socket" -}}
{{- .Values.tls.sds | default .Values.tls.workloadApi -}}
{{- end -}}

{{- define "mixer.tls" -}}
{{- with .Values.tls -}}
{{- if gt (len (compact (list .secretName .sds .workloadApi))) 1 -}}
{{- fail "tls.secretName, tls.sds and tls.workloadApi: give one of them" -}}
{{- end -}}
{{- if or .secretName .sds .workloadApi }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Where a socket of SDS or of the Workload API is mounted. */}}
{{- define "mixer.socketDirectory" -}}
{{- with include "mixer.socket" . -}}
{{- dir (trimPrefix "unix://" .) -}}
{{- else -}}
{{- .Values.tls.socketDirectory -}}
{{- end -}}
{{- end -}}

{{- define "mixer.configDirectory" -}}/etc/mixer/config{{- end -}}

{{- define "mixer.configMapName" -}}
{{- default (include "mixer.beside" (list . "config")) .Values.config.configMapName -}}
{{- end -}}

{{/* Whether configuration is read from the API server. */}}
{{- define "mixer.kubernetes" -}}
{{- if eq .Values.config.source "kubernetes" }}true{{ end -}}
{{- end -}}

{{/* Namespaces that are read, as a list in JSON; none means all. */}}
{{- define "mixer.namespaces" -}}
{{- with .Values.config.namespaces -}}
{{- append . $.Values.config.defaultNamespace | uniq | sortAlpha | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* The lease of the replica that writes status: namespace and name, as a list in JSON. */}}
{{- define "mixer.lease" -}}
{{- $lease := default (include "mixer.beside" (list . "status")) .Values.config.status.lease -}}
{{- if contains "/" $lease -}}
{{- splitList "/" $lease | toJson -}}
{{- else -}}
{{- list .Release.Namespace $lease | toJson -}}
{{- end -}}
{{- end -}}

{{- define "mixer.webhookSecret" -}}
{{- include "mixer.beside" (list . "webhook-ca") -}}
{{- end -}}
