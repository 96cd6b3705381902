// Package definitions keeps the checksum of Gateway API's module in go.sum: its manifests are wanted, not its code.
package definitions

import _ "sigs.k8s.io/gateway-api/pkg/consts"
