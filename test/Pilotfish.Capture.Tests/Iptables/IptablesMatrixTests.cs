namespace Pilotfish.Capture.Tests.Iptables;

public sealed class IptablesMatrixTests() : CaptureMatrixTests(nftables: false);
