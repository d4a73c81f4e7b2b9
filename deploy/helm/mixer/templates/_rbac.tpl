{{/* Rules of roles: what docs/kubernetes.md lists, row by row. */}}

{{- define "mixer.configRules" -}}
{{- $six := list "adapters" "attributemanifests" "handlers" "instances" "rules" "templates" -}}
# Reading.
- apiGroups: [config.istio.io]
  resources: {{ toJson $six }}
  verbs: [list, watch]
{{- if .Values.config.legacyKinds }}
# Kinds of adapters and templates, where they exist.
- apiGroups: [config.istio.io]
  resources: [deniers, dogstatsds, listcheckers, memquotas, noops, prometheuses, stackdrivers, statsds, stdios]
  verbs: [list, watch]
- apiGroups: [config.istio.io]
  resources: [apikeys, authorizations, checknothings, edges, kuberneteses, listentries, logentries, metrics, quotas, reportnothings, tracespans]
  verbs: [list, watch]
{{- end }}
{{- if .Values.config.status.enabled }}
# Status.
- apiGroups: [config.istio.io]
  resources: {{ toJson $six }}
  verbs: [get]
- apiGroups: [config.istio.io]
  resources:
  {{- range $six }}
  - {{ . }}/status
  {{- end }}
  verbs: [patch]
{{- if .Values.config.status.events }}
# Status without subresource.
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}
{{- end }}
{{- end -}}

{{/* Whom a role is bound to. */}}
{{- define "mixer.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mixer.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* A role and its binding: a list of the chart, the name, the namespace (none: of the cluster) and the rules. */}}
{{- define "mixer.role" -}}
{{- $ := index . 0 -}}
{{- $name := index . 1 -}}
{{- $namespace := index . 2 -}}
{{- $kind := ternary "Role" "ClusterRole" (ne $namespace "") -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "mixer.labels" $ | nindent 4 }}
  {{- with include "mixer.annotations" (list $ dict) }}{{ . | nindent 2 }}{{ end }}
rules:
{{ index . 3 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "mixer.labels" $ | nindent 4 }}
  {{- with include "mixer.annotations" (list $ dict) }}{{ . | nindent 2 }}{{ end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
{{ include "mixer.subjects" $ }}
{{ end -}}

{{- define "mixer.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ index (include "mixer.lease" . | fromJsonArray) 1 }}]
  verbs: [get, update]
{{- end -}}

{{- define "mixer.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "mixer.webhookSecret" . }}]
  verbs: [get, update]
{{- end -}}

{{- define "mixer.webhookRules" -}}
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations]
  resourceNames: [{{ include "mixer.clusterName" . }}]
  verbs: [get, update]
{{- end -}}
