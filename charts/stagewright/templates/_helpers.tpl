{{/* Names, labels and the parts that several objects share. */}}

{{- define "stagewright.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 48 characters, so that every suffix of ours stays a DNS label (63). */}}
{{- define "stagewright.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "stagewright.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stagewright.selectorLabels" -}}
app.kubernetes.io/name: {{ include "stagewright.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "stagewright.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "stagewright.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: stagewright
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "stagewright.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "stagewright.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "stagewright.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if .Values.image.digest -}}
{{- printf "%s:%s@%s" .Values.image.repository $tag .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{/* True where every namespace of the cluster is followed. */}}
{{- define "stagewright.everywhere" -}}
{{- if has "*" .Values.controller.namespaces -}}true{{- end -}}
{{- end -}}

{{/* The namespaces that are followed, by comma; the release's own where all are. */}}
{{- define "stagewright.namespaces" -}}
{{- if or (empty .Values.controller.namespaces) (include "stagewright.everywhere" .) -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- .Values.controller.namespaces | uniq | sortAlpha | join "," -}}
{{- end -}}
{{- end -}}

{{- define "stagewright.leaseName" -}}
{{- default (include "stagewright.fullname" .) .Values.controller.leaderElection.id -}}
{{- end -}}

{{- define "stagewright.claimName" -}}
{{- default (printf "%s-ledger" (include "stagewright.fullname" .)) .Values.ledger.volume.existingClaim -}}
{{- end -}}

{{/* A second pod can start only where the ledger can be reached from both. */}}
{{- define "stagewright.sharedLedger" -}}
{{- if or (eq .Values.ledger.storage "s3") (eq .Values.ledger.volume.accessMode "ReadWriteMany") -}}true{{- end -}}
{{- end -}}

{{/* The keys Job and the test end by themselves: a sidecar in their pod would not, and they would never be done. */}}
{{- define "stagewright.noSidecar.annotations" -}}
sidecar.istio.io/inject: "false"
linkerd.io/inject: disabled
kuma.io/sidecar-injection: disabled
consul.hashicorp.com/connect-inject: "false"
{{- end -}}
{{- define "stagewright.noSidecar.labels" -}}
sidecar.istio.io/inject: "false"
kuma.io/sidecar-injection: disabled
{{- end -}}

{{/* Proxy and certificates, the same for every pod of ours. */}}
{{- define "stagewright.networkEnv" -}}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- if or .Values.proxy.http .Values.proxy.https }}
# the API server and what lies in the cluster is reached directly
- name: NO_PROXY
  value: {{ list .Values.proxy.noProxy "$(KUBERNETES_SERVICE_HOST),localhost,127.0.0.1,.svc,.cluster.local" | compact | join "," | quote }}
{{- end }}
{{- if .Values.caBundle.configMap }}
# git, requests and boto3 each read another name
{{- range list "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" "OTEL_EXPORTER_OTLP_CERTIFICATE" }}
- name: {{ . }}
  value: /etc/stagewright/ca/ca.crt
{{- end }}
{{- end }}
{{- end -}}
