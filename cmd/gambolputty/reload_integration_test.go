//go:build integration && unix

package main

import "testing"

// TestIntegrationAHundredReloadsUnderLoadLoseNothing is the long form of the test beside it.
func TestIntegrationAHundredReloadsUnderLoadLoseNothing(t *testing.T) { reloadUnderLoad(t, 100) }
