{{- /*
What does the program ask of the API server? tests/cluster/rbac.rs shows that it is all of this, and nothing else.
RBAC cannot say "only Secrets of type kubernetes.io/tls": the program asks for no others, but its token could.
*/ -}}
{{- define "hedgerow.rights.objects" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services, endpoints, secrets, configmaps]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, httproutes, referencegrants]
  verbs: [list, watch]
{{- end -}}

{{- define "hedgerow.rights.classes" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses]
  verbs: [list, watch]
{{- end -}}

{{- define "hedgerow.rights.namespaces" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end -}}

{{- define "hedgerow.rights.reports" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- /* Without the classes no Gateway is known to be ours. */}}
{{- if .Values.rbac.classes }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways/status, httproutes/status]
  verbs: [patch]
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "hedgerow.rights.classReports" -}}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gatewayclasses/status]
  verbs: [patch]
{{- end -}}

{{- /* For `publish: { nodes: true }`: the addresses of the nodes where the edge is ready. */ -}}
{{- define "hedgerow.rights.nodes" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get]
{{- end -}}

{{- /* One of all edges writes. RBAC cannot limit `create` by name. */ -}}
{{- define "hedgerow.rights.lease" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [hedgerow]
  verbs: [get, update]
{{- end -}}
